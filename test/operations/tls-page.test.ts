/** The commands of docker/tls.md make certificates that a node accepts. Skipped where openssl is not installed. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type PemFile, usableMaterial } from '../../src/adapters/tls/pem-certificates.ts'
import { blocksOf } from '../tidy/documents.ts'
import { readFiles } from '../tidy/project-files.ts'

const hasOpenssl = spawnSync('openssl', ['version']).status === 0
const [page] = readFiles('docker/tls.md')
const [commands] = blocksOf(page ?? { path: '', text: '' }).filter(
  ({ language }) => language === 'sh',
)

test.skipIf(!hasOpenssl)('the commands make a CA and a certificate for each node', () => {
  const folder = mkdtempSync(join(tmpdir(), 'quorate-openssl-'))
  try {
    const { status, stderr } = spawnSync('sh', ['-euc', commands?.text ?? 'false'], { cwd: folder })
    expect(status, String(stderr)).toBe(0)
    for (const node of ['n1', 'n2', 'n3']) {
      const file = (name: string): PemFile => ({ setting: name, path: join(folder, name) })
      const files = { cert: file(`${node}.pem`), key: file(`${node}.key`), ca: file('ca.pem') }
      const read = ({ path }: PemFile): string => readFileSync(path, 'utf8')
      const texts = { cert: read(files.cert), key: read(files.key), ca: read(files.ca) }
      const { chain, authorities } = usableMaterial(texts, files, node)
      const [own, ca] = [chain[0], authorities[0]]
      expect(ca !== undefined && own?.verify(ca.publicKey) && own.checkIssued(ca)).toBe(true)
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
