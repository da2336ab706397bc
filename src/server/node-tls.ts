/** Opens the PEM files of a node, keeps them current, and tells how long their certificates are valid. */
import type { PeerTls } from '../adapters/peer-network/peer-tls.ts'
import { watchExpiry } from '../adapters/tls/certificate-expiry.ts'
import type { PemFileSet } from '../adapters/tls/pem-certificates.ts'
import { PemFiles } from '../adapters/tls/pem-files.ts'
import type { Clock } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type { Metrics } from '../ports/metrics.ts'
import { SettingError } from './settings/setting-syntax.ts'
import type { Settings } from './settings/settings.ts'
import type { TlsSettings } from './settings/tls-settings.ts'

export interface NodeTls {
  /** For HTTPS; undefined for plain HTTP. */
  readonly clients: PemFiles | undefined
  readonly peers: PeerTls | undefined
  /** Updates the metric. */
  look(): void
  stop(): void
}

const LOOK_INTERVAL_MS = 1000

/** Rejects with a SettingError that names the setting and the file if files cannot be used. */
export async function openNodeTls(
  { nodeId, clientTls, peerTls }: Settings,
  { clock, metrics, log }: { clock: Clock; metrics: Metrics; log: Log },
): Promise<NodeTls> {
  const open = async (
    files: PemFileSet,
    end: { name: string | undefined; isMutual: boolean },
  ): Promise<PemFiles> => {
    try {
      return await PemFiles.open({ files, ...end, intervalMs: LOOK_INTERVAL_MS, log })
    } catch (error) {
      throw new SettingError((error as Error).message)
    }
  }
  const clientEnd = { name: undefined, isMutual: false }
  const clients = clientTls && (await open(filesOf(clientTls, 'TLS', 'TLS_CLIENT_CA'), clientEnd))
  const peerEnd = { name: nodeId, isMutual: true }
  const peers =
    peerTls &&
    (await open(filesOf(peerTls, 'PEER_TLS', 'PEER_TLS_CA'), peerEnd).catch((error: unknown) => {
      clients?.stop()
      throw error
    }))
  const expiry = watchExpiry({
    certificates: {
      client: () => clients?.current().chain ?? [],
      client_ca: () => clients?.current().authorities ?? [],
      peer: () => peers?.current().chain ?? [],
      peer_ca: () => peers?.current().authorities ?? [],
    },
    clock,
    metrics,
    log,
  })
  return {
    clients,
    peers: peers && { certificates: peers, isRequired: peerTls?.isRequired === true },
    look: () => expiry.look(),
    stop: () => {
      expiry.stop()
      clients?.stop()
      peers?.stop()
    },
  }
}

function filesOf({ cert, key, ca }: TlsSettings, prefix: string, caName: string): PemFileSet {
  const file = (setting: string, path: string): PemFileSet['cert'] => ({
    setting: `QUORATE_${setting}`,
    path,
  })
  return {
    cert: file(`${prefix}_CERT`, cert),
    key: file(`${prefix}_KEY`, key),
    ca: ca === undefined ? undefined : file(caName, ca),
  }
}
