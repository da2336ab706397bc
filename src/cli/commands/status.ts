/** `status`: who reaches whom, the groups that a cut has made, and which levels still work where. */
import { RejectedError, type RequestError } from '../../client/quorate.ts'
import { EXIT } from '../outcome/exit-code.ts'
import { askEach, type Asked, type ClusterAnswer } from '../store/cluster-answer.ts'
import { type Group, type Picture, pictureOf } from '../store/cluster-picture.ts'
import { listOf, percentOf, sentenceOf, troubledVerdicts } from '../store/cluster-words.ts'
import { openSenders, STORE_OPTIONS } from '../store/store-options.ts'
import { type Cell, tableLines } from '../../terminal/table.ts'
import { visible } from '../../terminal/terminal-text.ts'
import { type Sink, writeJson, writeLines } from '../../terminal/sink.ts'
import { cliCommand } from './cli-command.ts'

/** Short, because a node that hangs must not make the status of the others late. */
const TIMEOUT_MS = 2000

export const STATUS = cliCommand(
  'status',
  {
    about:
      'Shows the members, who reaches whom, and which levels still work where. It asks every endpoint, because a node ' +
      'knows nothing of the other side of a cut. The last line is one sentence.',
    options: { ...STORE_OPTIONS, timeout: { ...STORE_OPTIONS.timeout, default: TIMEOUT_MS } },
    examples: [
      'status',
      'status --endpoints localhost:8001,localhost:8002,localhost:8003',
      'status --json',
    ],
    exitCodes: [
      [EXIT.ok, 'requests at quorum work for every key, through every endpoint that answered'],
      [EXIT.error, 'the command failed'],
      [EXIT.rejected, 'requests at quorum are rejected for some keys, through some endpoint'],
      [EXIT.unreachable, 'no endpoint answered'],
      [EXIT.interrupted, 'interrupted by Ctrl-C'],
    ],
  },
  async ({ values }, world) => {
    const asked = await askEach(openSenders(values, world), world.stop)
    const answers = asked.flatMap((one) => ('answer' in one ? [one.answer] : []))
    if (answers.length === 0) throw silence(asked)
    const picture = pictureOf(answers)
    if (values.json) await writeJson(world.out, statusJson(picture, asked, answers))
    else await writeLines(world.out, statusLines(picture, asked, answers, world.out))
    const isQuorate = answers.every(
      ({ partitionsWithoutQuorum }) => partitionsWithoutQuorum.length === 0,
    )
    return isQuorate ? EXIT.ok : EXIT.rejected
  },
)

/** The error of a command that no endpoint answered. */
export function silence(asked: readonly Asked[]): RequestError {
  const errors = asked.flatMap((one) => ('error' in one ? [one.error] : []))
  // What a node says explains more than a missing answer.
  const told = errors.find(({ problem }) => problem !== undefined) ?? errors[0]
  const { retryable = true, problem, message = '' } = told ?? {}
  // A node that does not answer in time is not reached either.
  const code = problem?.code ?? 'unreachable'
  const attempts = errors.flatMap((error) => error.attempts)
  return new RejectedError({ code, detail: message, retryable, attempts, problem })
}

/** The promised form (README.md). */
function statusJson(
  picture: Picture,
  asked: readonly Asked[],
  answers: readonly ClusterAnswer[],
): object {
  const [{ clusterId, moves } = { clusterId: '', moves: null }] = answers
  return {
    clusterId,
    epoch: Math.max(...answers.map(({ epoch }) => epoch)),
    endpoints: asked.map((one) => ({
      endpoint: one.endpoint,
      node: 'answer' in one ? one.answer.node : null,
      error: 'error' in one ? one.error.code : null,
      verdict: 'answer' in one ? one.answer.verdict : null,
    })),
    members: picture.members.map(({ id, zone, peerUrl, partitionsOwned }) => ({
      id,
      zone,
      peerUrl,
      partitionsOwned,
      hintsPending: hintsFor(id, answers),
      clockOffsetMs: offsetOf(id, answers),
    })),
    reachability: Object.fromEntries(picture.rows),
    groups: picture.groups.map(({ nodes, quorumShare, all, brokenLinks }) => ({
      nodes,
      quorumShare: quorumShare ?? null,
      all,
      brokenLinks,
    })),
    silent: picture.silent,
    moves,
    sentence: sentenceOf(picture, answers),
  }
}

function statusLines(
  picture: Picture,
  asked: readonly Asked[],
  answers: readonly ClusterAnswer[],
  sink: Sink,
): string[] {
  return [
    ...tableLines(memberTable(picture, answers), sink),
    '',
    ...tableLines(matrix(picture), sink),
    '',
    ...tableLines(levelTable(picture), sink),
    ...section(
      picture.groups.flatMap(({ brokenLinks }) =>
        brokenLinks.map(({ from, to, isOneWay }) =>
          isOneWay ? `${from} does not reach ${to}` : `${from} and ${to} do not reach each other`,
        ),
      ),
    ),
    ...section(
      asked.flatMap((one) =>
        'error' in one ? [`${one.endpoint} does not answer: ${reasonOf(one.error)}`] : [],
      ),
    ),
    ...section(
      troubledVerdicts(answers).map(({ node, verdict }) => `${node} says: ${visible(verdict)}`),
    ),
    '',
    sentenceOf(picture, answers),
  ]
}

function memberTable(picture: Picture, answers: readonly ClusterAnswer[]): Table {
  const { members, rows, silent } = picture
  const partitions = answers[0]?.partitions ?? 1
  const others = (id: string): [by: number, of: number] => {
    const views = [...rows].filter(([other, row]) => other !== id && row !== null)
    return [views.filter(([, row]) => row?.[id] === 'up').length, views.length]
  }
  return {
    head: ['member', 'zone', 'state', 'reached by', 'owns', 'hints for it', 'clock'],
    rows: members.map(({ id, zone, partitionsOwned }) => {
      const [by, of] = others(id)
      const offsetMs = offsetOf(id, answers)
      return [
        id,
        zone,
        stateCell(silent.includes(id), by === of),
        of === 0 ? '-' : `${by} of ${of}`,
        percentOf(partitionsOwned / partitions),
        hintsFor(id, answers),
        offsetMs === null ? '?' : `${offsetMs > 0 ? '+' : ''}${offsetMs} ms`,
      ]
    }),
  }
}

type Table = Parameters<typeof tableLines>[0]

function stateCell(isSilent: boolean, isReachedByAll: boolean): Cell {
  if (isSilent) return { text: 'silent', style: 'bad' }
  return isReachedByAll ? { text: 'up', style: 'good' } : { text: 'cut', style: 'doubtful' }
}

function matrix({ members, rows }: Picture): Table {
  const ids = members.map(({ id }) => id)
  return {
    head: ['reaches', ...ids],
    rows: ids.map((from) => [from, ...ids.map((to) => reachCell(from, to, rows.get(from)))]),
  }
}

function reachCell(
  from: string,
  to: string,
  row: Readonly<Record<string, string>> | null = null,
): Cell {
  if (from === to) return { text: '·', style: 'dim' }
  const state = row?.[to]
  if (state === 'up') return { text: 'yes', style: 'good' }
  if (state === 'down') return { text: 'no', style: 'bad' }
  return { text: state ?? '?', style: 'doubtful' }
}

/** Which levels work through the nodes of each group. */
function levelTable({ groups }: Picture): Table {
  return {
    head: ['through', 'weak', 'eventual', 'causal', 'quorum', 'strong', 'all'],
    rows: groups.map((group) => {
      const quorum = shareCell(group)
      const every = shareText('yes', 'good')
      return [listOf(group.nodes), every, every, every, quorum, quorum, allCell(group)]
    }),
  }
}

function shareCell({ quorumShare }: Group): Cell {
  if (quorumShare === undefined) return shareText('?', 'doubtful')
  if (quorumShare >= 1) return shareText('yes', 'good')
  if (quorumShare <= 0) return shareText('no', 'bad')
  return shareText(percentOf(quorumShare), 'doubtful')
}

function allCell({ all }: Group): Cell {
  if (all === 'every') return shareText('yes', 'good')
  return all === 'none' ? shareText('no', 'bad') : shareText('some', 'doubtful')
}

function shareText(text: string, style: 'good' | 'bad' | 'doubtful'): Cell {
  return { text, style }
}

/** Hints that the asked nodes keep for this member. */
function hintsFor(id: string, answers: readonly ClusterAnswer[]): number {
  return answers.reduce((sum, { hints }) => sum + (hints[id]?.pending ?? 0), 0)
}

/** The largest difference that an asked node has seen between its clock and the member's; null if none knows. */
function offsetOf(id: string, answers: readonly ClusterAnswer[]): number | null {
  const offsets = answers
    .map(({ members }) => members.find((member) => member.id === id)?.clockOffsetMs ?? null)
    .filter((offset) => offset !== null)
  if (offsets.length === 0) return null
  return Math.round(offsets.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a)))
}

function reasonOf(error: RequestError): string {
  return visible(error.problem?.detail ?? error.attempts.at(-1)?.detail ?? error.message)
}

function section(lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', ...lines]
}
