/**
 * The peer networks of one compose project as Docker has them now, and the steps back to how they should be:
 * every node on the one peer network, none of chaos's own left, no rules anywhere.
 *
 * Works from what is there, never from what a lease says was done: it may have been done by half.
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

/** Rejects where the project has no peer network. */
export async function findPeerNetwork(project: string): Promise<DockerNetwork> {
  const format = '{{(index .IPAM.Config 0).Subnet}}'
  const subnet = await docker(['network', 'inspect', peerNetwork({ project }), '--format', format])
  return { project, range: subnet.trim().split('.').slice(0, 2).join('.') }
}

/** Of nodes that do not exist any more only the networks are left to be removed. */
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
    // All at first: one that strayed may have the address of another one.
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

/** Without the image of the sidecar nobody has ever made a rule. */
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

/** Short ids, as `docker ps` gives them. Stopped containers keep their networks, so they are listed too. */
async function membersOf(network: string): Promise<string[]> {
  return linesOf(
    await docker(['ps', '--all', '--filter', `network=${network}`, '--format', '{{.ID}}']),
  )
}

/** Where each container is on that network, in the order of `nodes`. */
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
