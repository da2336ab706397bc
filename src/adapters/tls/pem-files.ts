/**
 * A certificate, its key and a CA as PEM files that are read again when they change. A set that cannot be used leaves
 * the former one in force: a file may be half written, or the key may still belong to the former certificate.
 *
 * It compares contents at an interval instead of watching directories. Files are replaced in many ways: written in
 * place, renamed into place, or by exchanging a symbolic link to their directory, as Kubernetes does.
 */
import { readFile } from 'node:fs/promises'

import type { CertificateSource, KeyMaterial } from '../../ports/certificates.ts'
import type { Log } from '../../ports/log.ts'
import {
  type PemFile,
  type PemFileSet,
  shown,
  type UsableMaterial,
  usableMaterial,
} from './pem-certificates.ts'

export interface PemOptions {
  readonly files: PemFileSet
  /** The DNS name that the certificate must have; undefined if any will do. */
  readonly name: string | undefined
  readonly intervalMs: number
  readonly log: Log
}

type Listener = Parameters<CertificateSource['onChange']>[0]

export class PemFiles implements CertificateSource {
  readonly #options: PemOptions
  readonly #listeners: Listener[] = []
  readonly #timer: NodeJS.Timeout
  #material: UsableMaterial
  #looking: Promise<void> | undefined
  /** Why the files could not be used at the last look; '' if they could. */
  #trouble = ''
  #toldTrouble = ''

  /** Rejects with an Error that names the file if the files cannot be used. */
  static async open(options: PemOptions): Promise<PemFiles> {
    const { files, name } = options
    return new PemFiles(options, usableMaterial(await readAll(files), files, name))
  }

  private constructor(options: PemOptions, material: UsableMaterial) {
    this.#options = options
    this.#material = material
    this.#timer = setInterval(() => void this.look(), options.intervalMs)
    this.#timer.unref()
  }

  current(): UsableMaterial {
    return this.#material
  }

  onChange(listener: Listener): void {
    this.#listeners.push(listener)
  }

  /** Reads the files now. One look at a time: on a stalled disk each look holds a thread of the pool. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => (this.#looking = undefined))
    return this.#looking
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#listeners.length = 0
  }

  async #look(): Promise<void> {
    const { files, name } = this.#options
    const before = this.#material
    try {
      const texts = await readAll(files)
      if (!isSame(texts, before)) this.#take(usableMaterial(texts, files, name), before)
      this.#trouble = ''
      this.#toldTrouble = ''
    } catch (error) {
      this.#tellTrouble((error as Error).message)
    }
  }

  #take(material: UsableMaterial, before: UsableMaterial): void {
    this.#material = material
    const { files, log } = this.#options
    const isNewCa = fingerprintsOf(material) !== fingerprintsOf(before)
    const fields = { cert: files.cert.path, expires: material.chain[0]?.validTo ?? '', isNewCa }
    log.info(fields, 'new certificate files are in use')
    for (const listener of this.#listeners) listener(material, isNewCa)
  }

  /** Only if a second look finds the same. The first one may have come while files were being written. */
  #tellTrouble(trouble: string): void {
    const isOld = trouble === this.#trouble
    this.#trouble = trouble
    if (!isOld || trouble === this.#toldTrouble) return
    this.#toldTrouble = trouble
    this.#options.log.warn(
      { trouble },
      'the certificate files cannot be used: the former certificate stays in use',
    )
  }
}

async function readAll({ cert, key, ca }: PemFileSet): Promise<KeyMaterial> {
  const [certText, keyText, caText] = await Promise.all([
    read(cert),
    read(key),
    ca === undefined ? undefined : read(ca),
  ])
  return { cert: certText, key: keyText, ca: caText }
}

async function read(file: PemFile): Promise<string> {
  try {
    return await readFile(file.path, 'utf8')
  } catch (error) {
    throw new Error(`${shown(file)}: ${(error as Error).message}`, { cause: error })
  }
}

function isSame(a: KeyMaterial, b: KeyMaterial): boolean {
  return a.cert === b.cert && a.key === b.key && a.ca === b.ca
}

/** The order of the CAs in their file has no meaning. */
function fingerprintsOf({ authorities }: UsableMaterial): string {
  return authorities
    .map(({ fingerprint256 }) => fingerprint256)
    .toSorted()
    .join(' ')
}
