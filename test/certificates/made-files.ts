/** Reads PEM files that commands have made, as a node reads them. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  type PemFile,
  type PemFileSet,
  usableMaterial,
  type UsableMaterial,
} from '../../src/adapters/tls/pem-certificates.ts'

/** `names` are those of the certificate, its key and its CA. Throws unless the certificate names `host`. */
export function materialIn(
  folder: string,
  names: readonly [string, string, string],
  host: string,
): { readonly files: PemFileSet; readonly material: UsableMaterial } {
  const [cert, key, ca] = names.map((name) => ({ setting: name, path: join(folder, name) })) as [
    PemFile,
    PemFile,
    PemFile,
  ]
  const files: PemFileSet = { cert, key, ca }
  const read = ({ path }: PemFile): string => readFileSync(path, 'utf8')
  const texts = { cert: read(cert), key: read(key), ca: read(ca) }
  return { files, material: usableMaterial(texts, files, host) }
}
