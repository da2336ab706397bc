/** What `npm run sbom` lists, and that the image and the lock file are pinned. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { PROJECT_ROOT, readFiles } from '../tidy/project-files.ts'

interface LockedPackage {
  readonly version: string
  readonly integrity?: string
  readonly dev?: boolean
  readonly optional?: boolean
  readonly devOptional?: boolean
  readonly peer?: boolean
}

interface BillOfMaterials {
  readonly bomFormat: string
  readonly components: readonly { readonly name: string; readonly version: string }[]
}

const [manifestFile, lockFile] = ['package.json', 'package-lock.json'].map(
  (path) => readFiles(path)[0]?.text ?? '',
)
const { dependencies } = JSON.parse(manifestFile ?? '') as {
  dependencies: Readonly<Record<string, string>>
}
const { packages } = JSON.parse(lockFile ?? '') as {
  packages: Readonly<Record<string, LockedPackage>>
}

/** What `npm ci --omit=dev --omit=optional` installs, as the image does. */
const installed = Object.entries(packages)
  .filter(([path, { dev, optional, devOptional, peer }]) => {
    const isLeftOut = dev === true || optional === true || devOptional === true || peer === true
    return path !== '' && !isLeftOut
  })
  .map(([path, locked]) => ({ ...locked, name: path.replace(/^.*node_modules\//, '') }))

test('the bill of materials lists every package of the image, and no other', async () => {
  const options = { cwd: PROJECT_ROOT, maxBuffer: 16 * 1_048_576 }
  const { stdout } = await promisify(execFile)(process.execPath, ['scripts/sbom.ts'], options)
  const { bomFormat, components } = JSON.parse(stdout) as BillOfMaterials
  const listed = components.map(({ name, version }) => `${name}@${version}`)
  expect(bomFormat).toBe('CycloneDX')
  const expected = installed.map(({ name, version }) => `${name}@${version}`)
  expect(listed.toSorted()).toEqual(expected.toSorted())
  for (const [name, version] of Object.entries(dependencies)) {
    expect(listed).toContain(`${name}@${version}`)
  }
})

test('every package of the image is locked to its content', () => {
  const loose = installed.filter(({ integrity = '' }) => !integrity.startsWith('sha512-'))
  expect(loose).toEqual([])
})
