/// <reference lib="dom" />
/** The run as a whole: its link, its plan as a file, its trace hash, a new run, and the log. */
import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import { checkPlan, type TimedPlan } from '../../simulation/interactive/timed-plan.ts'
import type { Scene } from '../run/scene.ts'
import type { LabDeeds } from './use-lab.ts'

interface Props {
  readonly scene: Scene
  readonly deeds: LabDeeds
}

const LOG_LINES = 60
const FORMED_MS = 2000

export function RunPanel({ scene, deeds }: Props): VNode {
  const { view, plan, endUs } = scene
  const [told, setTold] = useState('')
  const [isOpen, setOpen] = useState(false)
  const [seed, setSeed] = useState(plan.seed)
  const [nodes, setNodes] = useState(plan.nodes)
  const isEnd = view.nowUs >= endUs
  const copy = (): void => {
    navigator.clipboard.writeText(deeds.link()).then(
      () => setTold('The link is copied.'),
      () => setTold('The browser refuses to copy. The address of this page is the link.'),
    )
  }
  const open = (file: File | undefined): void => {
    if (file === undefined) return
    file
      .text()
      .then((text) => deeds.begin(checkPlan(JSON.parse(text))))
      .catch((error: unknown) => setTold(`${file.name}: ${(error as Error).message}.`))
  }
  return (
    <section class="panel run" aria-labelledby="run-title">
      <h2 id="run-title">This run</h2>
      <p>
        Trace hash {isEnd ? 'at the end' : `at ${(view.nowUs / 1e6).toFixed(3)} s`}:{' '}
        <code class="hash">{view.hash}</code>
      </p>
      <div class="buttons">
        <button type="button" onClick={copy}>
          Copy the link
        </button>
        <button type="button" onClick={() => save(plan)}>
          Save the plan
        </button>
        <label class="button">
          Open a plan
          <input
            type="file"
            accept=".json,application/json"
            onChange={({ currentTarget }) => open(currentTarget.files?.[0])}
          />
        </label>
      </div>
      <p class="hint">
        The saved plan gives the same hash with <code>npm run sim -- --plan plan.json</code>
      </p>
      <p role="status" aria-live="polite">
        {told}
      </p>
      <form
        class="fields"
        onSubmit={(event) => {
          event.preventDefault()
          deeds.beginLesson(null)
          deeds.begin({ seed, nodes, endMs: FORMED_MS, actions: [] })
          deeds.play()
        }}
      >
        <label>
          Seed
          <input
            value={seed}
            required
            maxLength={60}
            onInput={({ currentTarget }) => setSeed(currentTarget.value)}
          />
        </label>
        <label>
          Nodes
          <select
            value={nodes}
            onChange={({ currentTarget }) => setNodes(Number(currentTarget.value))}
          >
            {[3, 4, 5, 6, 7, 8, 9].map((count) => (
              <option key={count} value={count}>
                {count}
              </option>
            ))}
          </select>
        </label>
        <button type="submit">New run</button>
      </form>
      <details onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
        <summary>Log</summary>
        <ol class="log">
          {(isOpen ? view.log : [])
            .slice(-LOG_LINES)
            .toReversed()
            .map(({ atUs, node, text }, i) => (
              <li key={i}>
                {(atUs / 1e6).toFixed(3)} {node ?? 'all'} {text}
              </li>
            ))}
        </ol>
      </details>
    </section>
  )
}

function save(plan: TimedPlan): void {
  const text = `${JSON.stringify(plan, null, 1)}\n`
  const link = document.createElement('a')
  link.href = URL.createObjectURL(new Blob([text], { type: 'application/json' }))
  link.download = 'plan.json'
  link.click()
  URL.revokeObjectURL(link.href)
}
