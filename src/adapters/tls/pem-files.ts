/**
 * A certificate, its key and a CA as PEM files that are read again when they change. A set that cannot be used leaves
 * the former one in force: a file may be half written, or the key may still belong to the former certificate.
 *
 * A change counts once two looks have found the same contents. A CA file that is cut between two certificates looks
 * whole, so nothing else tells that it is still being written. Not noticed: a writer that pauses for longer than an
 * interval between two certificates. The rest of the file then is another change.
 *
 * It compares contents at an interval instead of watching directories. Files are replaced in many ways: written in
 * place, renamed into place, or by exchanging a symbolic link to their directory, as Kubernetes does.
 */
import { readFile } from 'node:fs/promises'
import { setTimeout as after } from 'node:timers/promises'
import type { CertificateSource, KeyMaterial } from '../../ports/certificates.ts'
import type { Log } from '../../ports/log.ts'
import { ownFault } from './own-certificate.ts'
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
  /** Whether the other ends have the same CA file, so that it must vouch for this certificate, too. */
  readonly isMutual: boolean
  readonly intervalMs: number
  readonly log: Log
}

const NOT_ACCEPTED = 'other nodes refuse the certificate of this node'

type Listener = Parameters<CertificateSource['onChange']>[0]

export class PemFiles implements CertificateSource {
  readonly #options: PemOptions
  readonly #listeners: Listener[] = []
  readonly #timer: NodeJS.Timeout
  #material: UsableMaterial
  /** The contents at the last look. */
  #seen: KeyMaterial
  #looking: Promise<void> | undefined
  /** Why the files could not be used at the last look; '' if they could. */
  #trouble = ''
  #toldTrouble = ''

  /**
   * Looks a second time before it gives up, because a start may fall between the new certificate and its key. Rejects
   * with an Error that names the file if the files cannot be used.
   */
  static async open(options: PemOptions): Promise<PemFiles> {
    const material = await startingMaterial(options).catch(async () => {
      await after(options.intervalMs)
      return startingMaterial(options)
    })
    return new PemFiles(options, material)
  }

  private constructor(options: PemOptions, material: UsableMaterial) {
    this.#options = options
    this.#material = material
    this.#seen = material
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
    const before = this.#material
    try {
      const texts = await readAll(this.#options.files)
      const isSettled = isSame(texts, this.#seen)
      this.#seen = texts
      if (!isSettled) return
      if (!isSame(texts, before)) this.#take(await this.#usable(texts, before), before)
      this.#trouble = ''
      this.#toldTrouble = ''
    } catch (error) {
      this.#tellTrouble((error as Error).message)
    }
  }

  async #usable(texts: KeyMaterial, before: UsableMaterial): Promise<UsableMaterial> {
    const { files, name, isMutual } = this.#options
    const material = usableMaterial(texts, files, name)
    const fault = isMutual ? await ownFault(material, files) : undefined
    // A certificate that has expired meanwhile must not keep this node from a new CA.
    const isOldFault = fault?.isTimeFault === true && material.cert === before.cert
    if (fault !== undefined && !isOldFault) throw new Error(fault.message)
    return material
  }

  #take(material: UsableMaterial, before: UsableMaterial): void {
    this.#material = material
    const { files, log } = this.#options
    const isNewCa = fingerprintsOf(material) !== fingerprintsOf(before)
    const fields = { cert: files.cert.path, expires: material.chain[0]?.validTo ?? '', isNewCa }
    log.info(fields, 'new certificate files are in use')
    for (const listener of this.#listeners) listener(material, isNewCa)
  }

  /** Only if a second look finds the same. The first one may have come while files were being replaced. */
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

async function startingMaterial(options: PemOptions): Promise<UsableMaterial> {
  const { files, name, isMutual, log } = options
  const material = usableMaterial(await readAll(files), files, name)
  const fault = isMutual ? await ownFault(material, files) : undefined
  if (fault?.isTimeFault === false) throw new Error(fault.message)
  // A new file may come, or the clock may be wrong, so this node starts all the same.
  if (fault !== undefined) log.error({ trouble: fault.message }, NOT_ACCEPTED)
  return material
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
