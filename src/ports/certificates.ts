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

/** The words in which the users of a port differ. */
export interface FaultWords {
  /** No CA that is accepted here has signed the certificate. */
  readonly unknownCa: string
  readonly wrongUsage: string
}

type Fault = keyof FaultWords | 'expired' | 'notYetValid'

/** Codes of OpenSSL. */
const FAULTS: Readonly<Record<string, Fault>> = {
  CERT_HAS_EXPIRED: 'expired',
  CERT_NOT_YET_VALID: 'notYetValid',
  SELF_SIGNED_CERT_IN_CHAIN: 'unknownCa',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'unknownCa',
  UNABLE_TO_GET_ISSUER_CERT: 'unknownCa',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'unknownCa',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'unknownCa',
  CERT_SIGNATURE_FAILURE: 'unknownCa',
  INVALID_PURPOSE: 'wrongUsage',
}

/** Why a certificate is refused, in words; undefined if the code is not one of the usual ones. */
export function certificateFault(code: string, words: FaultWords): string | undefined {
  const fault = FAULTS[code]
  if (fault === undefined) return undefined
  return { ...words, expired: 'it has expired', notYetValid: 'it is not valid yet' }[fault]
}

/** Whether only the time is wrong: the certificate was, or will be, accepted. */
export function isTimeFault(code: string): boolean {
  const fault = FAULTS[code]
  return fault === 'expired' || fault === 'notYetValid'
}
