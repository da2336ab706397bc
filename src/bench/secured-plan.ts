/** The systems of `npm run bench -- --secured`: this store plain, with TLS, and with TLS and tokens. It starts nothing. */
import { join } from 'node:path'
import { markdownTable } from './markdown-table.ts'
import type { PlanOptions, SystemPlan } from './bench-plan.ts'
import { cpuUsOf, type Row } from './report.ts'
import { quorateGet, quoratePut, startQuorate } from './systems/quorate-system.ts'
import { startSecured } from './systems/secured-quorate.ts'
import { alone, type HttpWorkload, type RunningSystem } from './systems/system.ts'

/** The last word of the names of workloads, and the title. The others are compared with the first one. */
const KINDS = { plain: 'plain', tls: 'TLS', secured: 'TLS and tokens' } as const
type Kind = keyof typeof KINDS
const NAMES = Object.keys(KINDS) as Kind[]
const REQUESTS = ['put quorum', 'get quorum', 'put quorum alone', 'get quorum alone'] as const

export function planSecured({ directory, value, stop }: PlanOptions): SystemPlan[] {
  const put = quoratePut('put quorum', 'quorum', value)
  const get = quorateGet('get quorum', 'quorum')
  return NAMES.map((kind): SystemPlan => {
    const options = { nodes: 3, dataDir: join(directory, kind), env: {}, signal: stop }
    const start = (): Promise<RunningSystem> =>
      kind === 'plain' ? startQuorate(options) : startSecured(options, kind === 'secured')
    const named = (workload: HttpWorkload): HttpWorkload => ({
      ...workload,
      name: `${workload.name} ${kind}`,
    })
    const workloads = [put, get, alone(put), alone(get)].map(named)
    return { name: `quorate, ${KINDS[kind]}`, start, write: put, workloads, isProfiled: false }
  })
}

/** A table of CPU time a request, each also as a multiple of the plain one; '' if those rows were not measured. */
export function securityCosts(rows: readonly Row[]): string {
  const lines = REQUESTS.flatMap((what) => {
    const costs = NAMES.map((kind) => cpuUsOf(rows, `${what} ${kind}`))
    const [plain] = costs
    if (plain === undefined) return []
    const cells = costs.map((us) =>
      us === undefined ? '' : `${Math.round(us)} µs (${(us / plain).toFixed(2)})`,
    )
    return [[what, ...cells]]
  })
  if (lines.length === 0) return ''
  return markdownTable([['CPU of all nodes a request', ...Object.values(KINDS)], ...lines])
}
