/** What one end of a TLS connection shows and trusts. The files behind it may change while the node runs. */
export interface CertificateSource {
  /** The files as they last could be used. */
  current(): KeyMaterial
  /** Called after each change. With a new CA, connections that the former one vouched for must end. */
  onChange(listener: (material: KeyMaterial, isNewCa: boolean) => void): void
}

export interface KeyMaterial {
  /** PEM: the certificate, and those between it and its CA. */
  readonly cert: string
  readonly key: string
  /** PEM: the CAs whose certificates are accepted from the other end; undefined if none is asked for. */
  readonly ca: string | undefined
}
