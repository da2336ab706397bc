/**
 * `npm run sbom` prints a bill of materials of the packages in the image, as CycloneDX. `npm sbom --omit=dev` alone would
 * leave out packages that tools for development need, too, so package-lock.json decides which belong to the image.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const OUTPUT_BYTES_MAX = 64 * 1024 * 1024

interface Component {
  /** `name@version` */
  readonly 'bom-ref': string
}

interface BillOfMaterials {
  readonly metadata: { readonly component: Component }
  readonly components: readonly Component[]
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[]
}

interface LockedPackage {
  readonly version?: string
  readonly dev?: boolean
  readonly optional?: boolean
  readonly devOptional?: boolean
  readonly peer?: boolean
}

const cwd = fileURLToPath(new URL('..', import.meta.url))
const lock = JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8')) as {
  readonly packages: Readonly<Record<string, LockedPackage>>
}

/** What `npm ci --omit=dev --omit=optional` installs, as `name@version`. */
const inImage = new Set(
  Object.entries(lock.packages)
    .filter(([path, { dev, optional, devOptional, peer }]) => {
      const isLeftOut = dev === true || optional === true || devOptional === true || peer === true
      return path !== '' && !isLeftOut
    })
    .map(([path, { version }]) => `${path.replace(/^.*node_modules\//, '')}@${version}`),
)

const args = ['sbom', '--package-lock-only', '--sbom-format=cyclonedx']
const options = { cwd, encoding: 'utf8', maxBuffer: OUTPUT_BYTES_MAX } as const
const all = JSON.parse(execFileSync('npm', args, options)) as BillOfMaterials
const root = all.metadata.component['bom-ref']
const isListed = (ref: string): boolean => ref === root || inImage.has(ref)
const components = all.components.filter((component) => isListed(component['bom-ref']))
const dependencies = all.dependencies
  .filter(({ ref }) => isListed(ref))
  .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter(isListed) }))
console.log(JSON.stringify({ ...all, components, dependencies }, undefined, 2))
