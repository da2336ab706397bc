/**
 * The report of one check run, as one self-contained HTML file: it needs no network, and its text needs no script. It
 * depends on the run alone, and on the page's style and script, which are in files beside this one.
 */
import { operationsOf } from '../checker/history/operation.ts'
import { longestGap } from './analysis/answer-gap.ts'
import { convergenceOf } from './analysis/convergence.ts'
import { convergenceSection } from './markup/convergence-section.ts'
import { documentOf } from './markup/document.ts'
import { faultSection } from './markup/fault-section.ts'
import { faultRows } from './analysis/fault-table.ts'
import { headline } from './markup/headline.ts'
import { html, jsonForScript, trusted, type Html } from '../html/html.ts'
import { levelsSection } from './markup/levels-section.ts'
import { pageDataOf } from './analysis/page-data.ts'
import { pageScript } from './markup/page-script.ts'
import { pageStyle } from './markup/page-style.ts'
import { reportLadder } from './analysis/report-ladder.ts'
import type { RunReport } from './analysis/report-input.ts'
import { storySection } from './markup/story-section.ts'

/** The whole document. Throws HistoryError if the events of the history do not pair. */
export async function renderReport(report: RunReport): Promise<string> {
  const { verdict, history } = report
  const operations = operationsOf(history)
  const rows = faultRows(history, operations)
  const body = html`<main>
    ${headline(report)} ${storySection(report, operations, rows)}
    ${levelsSection(reportLadder(history))} ${pictures()}
    ${faultSection(rows, longestGap(history, operations))}
    ${convergenceSection(convergenceOf(operations))} ${downloads()}
  </main>`
  return documentOf({
    title: `${verdict.result}: ${report.title}, seed ${report.settings.seed}`,
    style: pageStyle(),
    body,
    data: jsonForScript(pageDataOf(verdict, history)),
    script: trusted(await pageScript()),
  })
}

/** The elements that the script draws into. They are hidden without scripts; the text around them is always there. */
function pictures(): Html {
  return html` <section id="lanes-section" class="drawn" hidden>
      <h2>Every operation</h2>
      <p class="hint">
        Each bar is one operation, from the request to the answer. Shaded bands are faults. Zoom
        with the wheel, a pinch, + or −. Move by dragging or with the arrow keys. Press 0 to see the
        whole run. Point at a bar or tap it to see its details. The last clients made the final
        reads: each key through every node.
      </p>
      <div class="tools">
        <label
          >One lane per
          <select id="lane-by">
            <option value="client">client</option>
            <option value="key">key</option>
          </select></label
        >
        <label
          >Key
          <select id="key-filter">
            <option value="">all</option>
          </select></label
        >
        <span class="buttons">
          <button type="button" id="zoom-in" aria-label="Zoom in">+</button>
          <button type="button" id="zoom-out" aria-label="Zoom out">−</button>
          <button type="button" id="whole-run">Whole run</button>
        </span>
        <output id="window-text"></output>
      </div>
      <ul class="legend" id="legend"></ul>
      <div class="canvas-frame" id="lanes-frame">
        <canvas
          id="lanes"
          tabindex="0"
          role="img"
          aria-label="Operations of the run on a time axis"
        ></canvas>
      </div>
      <p class="hint" id="lanes-note"></p>
    </section>
    <section id="charts-section" class="drawn" hidden>
      <h2>Latency and throughput</h2>
      <p class="hint">The charts show the same time window as the lanes above.</p>
      <h3>How long each operation took</h3>
      <div class="canvas-frame">
        <canvas id="latency" role="img" aria-label="Latency of each operation over time"></canvas>
      </div>
      <h3>Operations per second, by outcome</h3>
      <div class="canvas-frame">
        <canvas id="throughput" role="img" aria-label="Operations per second over time"></canvas>
      </div>
    </section>
    <div id="details" role="status" hidden></div>
    <noscript
      ><p class="hint">
        The pictures of this report need JavaScript; all of its text is here.
      </p></noscript
    >`
}

function downloads(): Html {
  const files = [
    ['history.jsonl', 'every event of the run, one JSON object a line'],
    ['history.edn', 'the same for Jepsen’s tools'],
    ['results.json', 'the verdict and its counts'],
    ['chaos.jsonl', 'the faults alone'],
  ] as const
  return html`<section id="downloads">
    <h2>Files of this run</h2>
    <ul>
      ${files.map(
        ([file, what]) =>
          html`<li><a href="${file}" download>${file}</a> <span class="quiet">${what}</span></li>`,
      )}
    </ul>
  </section>`
}
