/** Certificates of one end of a connection that a test changes. */
import type { CertificateSource, KeyMaterial } from '../../src/ports/certificates.ts'

type Listener = Parameters<CertificateSource['onChange']>[0]

export class TestMaterial implements CertificateSource {
  readonly #listeners: Listener[] = []
  #material: KeyMaterial

  constructor(material: KeyMaterial) {
    this.#material = material
  }

  current(): KeyMaterial {
    return this.#material
  }

  onChange(listener: Listener): void {
    this.#listeners.push(listener)
  }

  change(parts: Partial<KeyMaterial>): void {
    const before = this.#material
    this.#material = { ...before, ...parts }
    for (const listener of this.#listeners) {
      listener(this.#material, this.#material.ca !== before.ca)
    }
  }
}
