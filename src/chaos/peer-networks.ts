/**
 * Reads the peer networks of one compose project from Docker, and computes the steps that heal them: every node is on
 * the one peer network, and no network or rule of chaos remains.
 *
 * It relies only on the present state, never on leases, because a killed command may have done only a part of its
 * steps.
 */
import { docker, type NodeContainer } from './docker-client.ts'
import {
  CHAOS_LABEL,
  disconnectStep,
  type DockerNetwork,
  type DockerStep,
  FLAP_LABEL,
  hasNamespace,
  isAtHome,
  type NetworkPlace,
  peerNetwork,
  reconnectStep,
  removeRulesStep,
  SIDECAR_IMAGE,
} from './docker-steps.ts'

/** Rejects if the project has no peer network. */
export async function findPeerNetwork(project: string): Promise<DockerNetwork> {
  const format = '{{(index .IPAM.Config 0).Subnet}}'
  const subnet = await docker(['network', 'inspect', peerNetwork({ project }), '--format', format])
  return { project, range: subnet.trim().split('.').slice(0, 2).join('.') }
}

/** Puts every node back on the peer network, and removes the networks of chaos, even if the nodes no longer exist. */
export async function rejoinSteps(
  project: string,
  nodes: readonly NodeContainer[],
): Promise<DockerStep[]> {
  const steps: DockerStep[] = []
  if (nodes.length > 0) {
    const network = await findPeerNetwork(project)
    const peers = await membersOf(peerNetwork(network))
    const places = await placesOf(nodes, peerNetwork(network))
    const isMember = ({ container }: NodeContainer): boolean => peers.includes(container)
    const strayed = nodes.filter((node) => isMember(node) && isStray(node, places, network))
    // Disconnect all strayed nodes first, because one of them may have the address of another.
    steps.push(...strayed.map((node) => disconnectStep(node, network)))
    const away = nodes.filter((node) => !isMember(node) || strayed.includes(node))
    steps.push(...away.map((node) => reconnectStep(node, network)))
  }
  for (const name of await groupNetworks(project)) {
    for (const container of await membersOf(name))
      steps.push(['network', 'disconnect', '--force', name, container])
    steps.push(['network', 'rm', name])
  }
  return steps
}

/** No steps without the sidecar image, because then no rule was ever made. */
export async function unruleSteps(
  project: string,
  nodes: readonly NodeContainer[],
): Promise<DockerStep[]> {
  if (!(await hasSidecar())) return []
  const label = `label=${FLAP_LABEL}=${project}`
  const flapping = linesOf(await docker(['ps', '--filter', label, '--format', '{{.ID}}']))
  const end = flapping.map((container): DockerStep => ['rm', '--force', container])
  return [...end, ...nodes.filter(hasNamespace).map(removeRulesStep)]
}

export function hasSidecar(): Promise<boolean> {
  return docker(['image', 'inspect', SIDECAR_IMAGE]).then(
    () => true,
    () => false,
  )
}

async function groupNetworks(project: string): Promise<string[]> {
  const label = `label=${CHAOS_LABEL}=${project}`
  return linesOf(await docker(['network', 'ls', '--filter', label, '--format', '{{.Name}}']))
}

/** Short ids, as `docker ps` prints them. Stopped containers keep their networks, so they are included. */
async function membersOf(network: string): Promise<string[]> {
  return linesOf(
    await docker(['ps', '--all', '--filter', `network=${network}`, '--format', '{{.ID}}']),
  )
}

/** The connection of each container to that network; undefined if it is not connected. */
async function placesOf(
  nodes: readonly NodeContainer[],
  network: string,
): Promise<ReadonlyMap<string, NetworkPlace | undefined>> {
  const format = '{{json .NetworkSettings.Networks}}'
  const ids = nodes.map(({ container }) => container)
  const lines = linesOf(await docker(['inspect', '--format', format, ...ids]))
  const places = lines.map((line) => (JSON.parse(line) as Record<string, NetworkPlace>)[network])
  return new Map(ids.map((id, i) => [id, places[i]]))
}

function isStray(
  node: NodeContainer,
  places: ReadonlyMap<string, NetworkPlace | undefined>,
  network: DockerNetwork,
): boolean {
  const place = places.get(node.container)
  return place !== undefined && !isAtHome(node, place, network)
}

function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '')
}
