/**
 * Which ports of a node strangers can use: those that other machines may reach, and that let in whoever connects. On the
 * peer port a stranger can join the cluster, and so read every value and the hashes of all tokens.
 */
import { BlockList, isIP, isIPv6 } from 'node:net'
import type { ListenAddress } from './settings/setting-syntax.ts'
import type { Settings } from './settings/settings.ts'

export interface OpenPort {
  readonly port: 'client' | 'peer'
  readonly host: string
  /** A sentence for the log: what strangers can do, and what to do against it. */
  readonly warning: string
}

export function openPorts(
  settings: Pick<Settings, 'listen' | 'peerListen' | 'rootTokenFile' | 'clientTls' | 'peerTls'>,
): readonly OpenPort[] {
  const { listen, peerListen, rootTokenFile, clientTls, peerTls } = settings
  const isClientOpen = rootTokenFile === undefined && clientTls?.ca === undefined
  const isPeerOpen = peerTls?.isRequired !== true
  return [
    ...(isClientOpen ? beyondLoopback('client', listen, CLIENT_WARNING) : []),
    ...(isPeerOpen ? beyondLoopback('peer', peerListen, PEER_WARNING) : []),
  ]
}

const CLIENT_WARNING =
  'everybody who reaches the client port can read, write and change everything: set QUORATE_AUTH=on, or listen on a ' +
  'loopback address'
const PEER_WARNING =
  'everybody who reaches the peer port can join the cluster and read everything: set QUORATE_PEER_TLS_CERT, _KEY and ' +
  '_CA without QUORATE_PEER_TLS=optional, or keep this port on a network of the nodes alone'

const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4')
LOOPBACK.addAddress('::1', 'ipv6')
const LOOPBACK_BITS = 8

function beyondLoopback(
  port: OpenPort['port'],
  { host }: ListenAddress,
  warning: string,
): readonly OpenPort[] {
  return isLoopback(host) ? [] : [{ port, host, warning }]
}

function isLoopback(host: string): boolean {
  const [scoped = '', bits] = host.split('/')
  // A range that is wider also has addresses that are none.
  if (bits !== undefined && Number(bits) < LOOPBACK_BITS) return false
  // An IPv6 address may name its network interface.
  const [address = ''] = scoped.split('%')
  if (isIP(address) === 0) return address === 'localhost'
  return LOOPBACK.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
}
