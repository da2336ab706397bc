/** Reads PEM files, and decides which set of them can be used. */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'

import type { KeyMaterial } from '../../ports/certificates.ts'

/** A PEM file, and the setting that names it. */
export interface PemFile {
  readonly setting: string
  readonly path: string
}

export interface PemFileSet {
  readonly cert: PemFile
  readonly key: PemFile
  readonly ca: PemFile | undefined
}

/** The texts of a set that can be used, and the certificates in them. */
export interface UsableMaterial extends KeyMaterial {
  /** The certificate of this end, then those between it and its CA. */
  readonly chain: readonly X509Certificate[]
  readonly authorities: readonly X509Certificate[]
}

/**
 * Throws an Error that names the file if the texts cannot be used together. With `name`, the certificate must have it as
 * a DNS name.
 */
export function usableMaterial(
  { cert, key, ca }: KeyMaterial,
  files: PemFileSet,
  name: string | undefined,
): UsableMaterial {
  const chain = about(files.cert, () => certificatesIn(cert))
  const [own] = chain as [X509Certificate]
  const privateKey = about(files.key, () => privateKeyIn(key))
  if (!own.checkPrivateKey(privateKey)) {
    throw new Error(`${shown(files.key)}: it is not the key of ${shown(files.cert)}`)
  }
  if (name !== undefined && !namesHost(own, name)) {
    const named = own.subjectAltName ?? 'no name'
    throw new Error(
      `${shown(files.cert)}: it must name ${name} as a DNS name (subjectAltName), and names ${named}`,
    )
  }
  const authorities = files.ca === undefined ? [] : about(files.ca, () => certificatesIn(ca ?? ''))
  // OpenSSL refuses more, such as a key that is too short.
  about(files.cert, () => createSecureContext({ cert, key, ...(ca === undefined ? {} : { ca }) }))
  return { cert, key, ca, chain, authorities }
}

/** Whether the certificate has exactly this DNS name. The common name and wildcards do not count. */
export function namesHost(certificate: X509Certificate, name: string): boolean {
  // OpenSSL gives an empty name, and one that begins with a dot, meanings of their own.
  if (name === '' || name.startsWith('.')) return false
  return certificate.checkHost(name, { subject: 'never', wildcards: false }) !== undefined
}

const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[\s\S]+?-----END \1-----/g

/** At least one. A file that is still being written ends within a block, and is refused. */
export function certificatesIn(pem: string): readonly X509Certificate[] {
  if (pem.replaceAll(BLOCK, '').includes('-----')) throw new Error('a PEM block is not complete')
  const certificates = [...pem.matchAll(BLOCK)]
    .filter(([, type = '']) => /^((X509|TRUSTED) )?CERTIFICATE$/.test(type))
    .map(([block]) => new X509Certificate(block))
  if (certificates.length === 0) throw new Error('it has no certificate in PEM form')
  return certificates
}

function privateKeyIn(pem: string): KeyObject {
  try {
    return createPrivateKey(pem)
  } catch (error) {
    throw new Error('it has no private key in PEM form without a password', { cause: error })
  }
}

function about<T>(file: PemFile, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw new Error(`${shown(file)}: ${(error as Error).message}`, { cause: error })
  }
}

export function shown({ setting, path }: PemFile): string {
  return `${setting}=${path}`
}
