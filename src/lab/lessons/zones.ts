/** Lesson 12b: a whole zone fails, as Netflix tries it on purpose. */
import { clusterVerdict } from '../picture/cluster-verdict.ts'
import { ownersAgree, requestOf, timeOf } from './checks.ts'
import type { Lesson, LessonScene } from './lesson.ts'

const CART = { bucket: 'default', key: 'cart' } as const
const A = { client: 1, node: 'n1', level: 'quorum', ...CART } as const
const B = { client: 2, node: 'n4', level: 'quorum', ...CART } as const

/** The zones of the nodes that do not run, sorted. */
function zonesDown({ view }: LessonScene): readonly string[] {
  return view.nodes
    .filter(({ state }) => state === 'stopped')
    .map(({ zone }) => zone ?? '')
    .sort()
}

/** Whether all nodes of one zone are down, and all others run. */
function isZoneDown(scene: LessonScene): boolean {
  const down = zonesDown(scene)
  const [zone] = down
  const inZone = scene.view.nodes.filter((node) => node.zone === zone)
  return down.length > 1 && down.length === inZone.length && down.every((each) => each === zone)
}

function fell(scene: LessonScene): number {
  return Math.max(timeOf(scene, 'power') ?? -1, timeOf(scene, 'kill') ?? -1)
}

export const ZONES: Lesson = {
  id: '12b',
  title: 'Case: the zones and the chaos of Netflix',
  idea: 'Netflix runs in several zones, each with its own power and network, and switches machines and whole zones off on purpose, to see that nobody notices. Here, six nodes stand in three zones.',
  key: CART,
  nodes: 6,
  zones: 3,
  clients: [
    { node: 'n1', level: 'quorum', value: 'apple' },
    { node: 'n4', level: 'quorum', value: 'bread' },
  ],
  question:
    'Each key has three owners among six nodes. A zone with two of the nodes loses its power. What becomes of requests at quorum?',
  choices: [
    'Those for keys with two owners in that zone fail',
    'All of them still succeed',
    'All of them fail until the zone is back',
  ],
  right: 1,
  because:
    'The owners of a key are placed in different zones, so a zone takes one owner of three from each key. Two nodes of two zones are worse than two nodes of one zone: they can be two owners of one key.',
  steps: [
    {
      todo: 'A puts a value at n1, level quorum.',
      see: 'Its three owners stand in three different zones.',
      isDone: (scene) => ownersAgree(scene),
    },
    {
      todo: 'Press “Cut the power of zone 1”.',
      see: 'Two of six nodes are gone at once. The verdict tells whether every key still has a quorum.',
      isDone: (scene) => isZoneDown(scene),
    },
    {
      todo: 'B puts another value at n4, and gets it, level quorum.',
      see: 'Nobody notices: for each key, two of three owners are left.',
      isDone: (scene) => {
        const sinceUs = fell(scene)
        if (!isZoneDown(scene) || sinceUs < 0) return false
        const wanted = { level: 'quorum', state: 'ok', sinceUs } as const
        const read = requestOf(scene, { ...wanted, do: 'get' })
        return (
          requestOf(scene, { ...wanted, do: 'put' }) !== undefined &&
          (read?.values?.length ?? 0) > 0
        )
      },
    },
    {
      todo: 'Start the nodes of the zone again, and wait a moment.',
      see: 'They got what they had missed.',
      isDone: (scene) =>
        scene.view.nodes.every(({ state }) => state === 'up') && ownersAgree(scene),
    },
    {
      todo: 'Now be the chaos yourself: kill one node in each of two zones.',
      see: 'Again two of six nodes, but now some keys have lost two owners. So a test must try more than one fault.',
      isDone: (scene) => {
        const down = zonesDown(scene)
        return new Set(down).size === 2 && clusterVerdict(scene.view).spare < 0
      },
    },
  ],
  replay: {
    seed: 'lesson-12b',
    nodes: 6,
    zones: 3,
    endMs: 23_000,
    actions: [
      { atMs: 3000, do: 'put', value: 'apple', ...A },
      { atMs: 5000, do: 'power', node: 'n1' },
      { atMs: 5000, do: 'power', node: 'n2' },
      { atMs: 8000, do: 'put', value: 'bread', ...B },
      { atMs: 9000, do: 'get', ...B },
      { atMs: 11_000, do: 'start', node: 'n1' },
      { atMs: 11_000, do: 'start', node: 'n2' },
      { atMs: 21_000, do: 'kill', node: 'n1' },
      { atMs: 21_000, do: 'kill', node: 'n3' },
    ],
  },
  commands: [
    "export QUORATE_MEMBERS='n1=http://n1.peer:7080#a,n2=http://n2.peer:7080#a,n3=http://n3.peer:7080#b,n4=http://n4.peer:7080#b,n5=http://n5.peer:7080#c'",
    '# The next command removes the data of the containers.',
    'docker compose down -v && docker compose up --build -d',
    'curl -X PUT localhost:8003/v1/kv/default/cart -d apple',
    'npx quorate where default cart --endpoints localhost:8003',
    'npm run chaos -- kill n1 && npm run chaos -- kill n2',
    'curl -X PUT localhost:8003/v1/kv/default/cart -d bread',
    'curl localhost:8004/v1/kv/default/cart',
    'npx quorate status --endpoints localhost:8003,localhost:8004,localhost:8005',
    'npm run chaos -- heal',
    'npm run chaos -- kill n1 && npm run chaos -- kill n3',
    'npx quorate status --endpoints localhost:8002,localhost:8004,localhost:8005',
    'npm run chaos -- heal',
  ],
}
