import { Script } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { pageScript } from '../../src/report/markup/page-script.ts'
import { renderReport } from '../../src/report/run-report.ts'
import { MadeUpHistory, reportOf, staleRead, staleVerdict } from './made-up-run.ts'

const STRANGE = `</script><script>alert(1)</script><img src=x onerror="alert(1)">`

describe('a report', () => {
  test('says in its text what was found, promised and done', async () => {
    const history = staleRead()
    const page = await renderReport(
      reportOf(staleVerdict(history), history, { unsettled: 'n3 is not ready' }),
    )

    for (const text of [
      '1 key not linearizable',
      'reads and writes take effect one at a time',
      'seed-7',
      'npm run check -- --workload register --seed seed-7',
      'n3 is not ready',
      'client 2 asked n2 to read k1',
      'partition n1/n2,n3',
      '0.100 s after the heal',
      'nodes gave different answers for 1 of 2 keys',
      'href="history.jsonl"',
      'href="history.edn"',
      'href="results.json"',
      'href="chaos.jsonl"',
    ]) {
      expect(page).toContain(text)
    }
  })

  test('shows the levels of a history of registers, and says so if it is none', async () => {
    const history = staleRead()
    const page = await renderReport(reportOf(staleVerdict(history), history))
    expect(page).toContain('<h2>Levels of consistency</h2>')
    expect(page).toMatch(/broken<\/span\s*><b>linearizable<\/b>/)
    expect(page).toMatch(/holds<\/span\s*><b>read your writes<\/b>/)
    expect(page).toContain('The strongest levels that hold are monotonic writes, read your writes')

    const set = new MadeUpHistory().operation(1, 'add', { from: 1, to: 2, input: 5 }).events
    const other = await renderReport(reportOf({ ...staleVerdict(history), evidence: [] }, set))
    expect(other).toContain('The levels are defined for reads and writes.')
  })

  test('takes everything that a history says as text', async () => {
    const history = new MadeUpHistory()
      .fault(STRANGE, [5, 6, 30, 31])
      .operation(1, STRANGE, { from: 10, to: 12, key: STRANGE, node: STRANGE, input: STRANGE })
      .operation(2, 'read', {
        from: 20,
        to: 22,
        key: STRANGE,
        node: STRANGE,
        outcome: 'fail',
        error: STRANGE,
      }).events
    const evidence = { kind: STRANGE, key: STRANGE, words: STRANGE, operations: [1, 3] }
    const verdict = { ...staleVerdict(staleRead()), sentence: STRANGE, evidence: [evidence] }
    const page = await renderReport(
      reportOf(verdict, history, {
        title: STRANGE,
        command: STRANGE,
        startedAt: STRANGE,
        unsettled: STRANGE,
        promise: STRANGE,
      }),
    )

    expect(page.match(/<script/g)).toHaveLength(2)
    expect(page.match(/<\/script/g)).toHaveLength(2)
    expect(page).not.toContain('<img')
  })

  test('names nothing outside of itself', async () => {
    const history = staleRead()
    const page = await renderReport(reportOf(staleVerdict(history), history))

    expect(page).not.toMatch(/https?:|\bsrc=|@import|url\(/)
  })

  test('of a history without events still renders', async () => {
    const verdict = { ...staleVerdict(staleRead()), result: 'unknown' as const, evidence: [] }

    expect(await renderReport(reportOf(verdict, []))).toContain('No fault was injected')
  })
})

describe('the script of a page', () => {
  test('is one that parses, without imports, and cannot end its element', async () => {
    const script = await pageScript()

    expect(() => new Script(script)).not.toThrow()
    expect(script).not.toMatch(/<\/|<!--|^\s*(?:import|export)\b/m)
  })
})
