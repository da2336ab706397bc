/** A CA for tests, and the certificates that it signs: X.509 (RFC 5280), as PEM. Node.js reads certificates only. */
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { isIPv4 } from 'node:net'
import { dirname } from 'node:path'
import { bits, integer, objectId, octets, sequence, set, tagged, text, time, TRUE } from './der.ts'

export interface TestCertificate {
  readonly cert: string
  readonly key: string
}

export interface CertificateOptions {
  /** How long it is valid from now; negative for one that has expired. */
  readonly validMs?: number
  /** By default both. */
  readonly usages?: readonly (keyof typeof USAGES)[]
}

const DAY_MS = 86_400_000
const USAGES = { server: '1.3.6.1.5.5.7.3.1', client: '1.3.6.1.5.5.7.3.2' } as const
const ECDSA_SHA256 = sequence(objectId('1.2.840.10045.4.3.2'))

export class TestAuthority {
  readonly #name: Buffer
  readonly #keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  /** The certificate of the CA itself. */
  readonly cert: string

  constructor() {
    this.#name = nameOf(`test CA ${randomBytes(4).toString('hex')}`)
    const certificate = this.#sign(this.#name, this.#keys.publicKey, 365 * DAY_MS, [
      extension('2.5.29.19', sequence(TRUE), true),
      // It signs certificates.
      extension('2.5.29.15', bits(Buffer.from([0x04]), 2), true),
    ])
    this.cert = pem('CERTIFICATE', certificate)
  }

  /** `names` are DNS names and IPv4 addresses. */
  issue(
    names: readonly string[],
    { validMs = 90 * DAY_MS, usages = ['server', 'client'] }: CertificateOptions = {},
  ): TestCertificate {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const alternatives = names.map((name) =>
      isIPv4(name)
        ? tagged(0x87, Buffer.from(name.split('.').map(Number)))
        : tagged(0x82, Buffer.from(name)),
    )
    const certificate = this.#sign(nameOf('a test'), publicKey, validMs, [
      extension('2.5.29.19', sequence(), true),
      extension('2.5.29.37', sequence(...usages.map((usage) => objectId(USAGES[usage])))),
      ...(names.length === 0 ? [] : [extension('2.5.29.17', sequence(...alternatives))]),
    ])
    const key = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
    return { cert: pem('CERTIFICATE', certificate), key }
  }

  #sign(
    subject: Buffer,
    publicKey: KeyObject,
    validMs: number,
    extensions: readonly Buffer[],
  ): Buffer {
    const nowMs = Date.now()
    const content = sequence(
      tagged(0xa0, integer(Buffer.from([2]))),
      integer(Buffer.concat([Buffer.from([1]), randomBytes(8)])),
      ECDSA_SHA256,
      this.#name,
      sequence(time(new Date(nowMs - 30 * DAY_MS)), time(new Date(nowMs + validMs))),
      subject,
      publicKey.export({ type: 'spki', format: 'der' }),
      tagged(0xa3, sequence(...extensions)),
    )
    return sequence(content, ECDSA_SHA256, bits(sign('sha256', content, this.#keys.privateKey)))
  }
}

/** Renames each file into its place, so that no reader sees a part of it. */
export function writeFiles(files: Readonly<Record<string, string>>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(`${path}.new`, content)
    renameSync(`${path}.new`, path)
  }
}

function nameOf(commonName: string): Buffer {
  return sequence(set(sequence(objectId('2.5.4.3'), text(commonName))))
}

function extension(id: string, content: Buffer, isCritical = false): Buffer {
  return sequence(objectId(id), ...(isCritical ? [TRUE] : []), octets(content))
}

function pem(type: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? []
  return [`-----BEGIN ${type}-----`, ...lines, `-----END ${type}-----`, ''].join('\n')
}
