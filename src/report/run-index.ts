/** The page that lists all runs, the newest first. */
import type { Result } from '../checker/verdict/verdict.ts'
import { documentOf } from './markup/document.ts'
import { badge, dateOf, sentenceOf } from './markup/headline.ts'
import { html, type Html } from '../html/html.ts'
import { pageStyle } from './markup/page-style.ts'

export interface RunSummary {
  /** The run's directory, relative to the list. */
  readonly dir: string
  readonly workload: string
  readonly bucket: string
  readonly consistency: string
  readonly nemesis: string
  readonly seed: string
  readonly result: Result
  readonly sentence: string
  /** ISO 8601. */
  readonly startedAt: string
}

/** The whole document. */
export function renderIndex(runs: readonly RunSummary[]): string {
  const newest = runs.toSorted((a, b) => b.startedAt.localeCompare(a.startedAt))
  const count = (result: Result): number => runs.filter((run) => run.result === result).length
  const body = html`<main class="index">
    <header>
      <h1>Checks</h1>
      <p>
        ${runs.length === 0 ? 'There are no runs yet.' : `${runs.length} ${runs.length === 1 ? 'run' : 'runs'}: ${count('valid')} valid, ${count('invalid')} invalid, ${count('unknown')} unknown.`}
      </p>
    </header>
    ${
      runs.length > 0 &&
      html`<ul class="runs">
        ${newest.map(rowOf)}
      </ul>`
    }
  </main>`
  return documentOf({
    title: 'Checks',
    style: pageStyle(),
    body,
  })
}

function rowOf(run: RunSummary): Html {
  const { dir, workload, bucket, consistency, nemesis, seed, result, sentence, startedAt } = run
  const faults = nemesis === '' || nemesis === 'none' ? 'no faults' : nemesis
  return html`<li class="run ${result}">
    ${badge(result)}
    <div>
      <a href="./${encodeURIComponent(dir)}/index.html">${workload}</a> on ${bucket} at
      ${consistency}, ${faults}
      <p>${sentenceOf(sentence, result)}</p>
      <p class="quiet">${dateOf(startedAt)}, seed <code>${seed}</code></p>
    </div>
  </li>`
}
