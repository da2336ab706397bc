/// <reference lib="dom" />
/** Mounts the page, and offers `window.quorateLab.run(plan)` to programs that drive it. */
import { render } from 'preact'
import { App } from './app.tsx'
import { LabConnection, runPlan } from './lab-connection.ts'

const place = document.getElementById('lab') as HTMLElement
place.replaceChildren()
render(<App connection={new LabConnection()} />, place)
Object.assign(window, { quorateLab: { run: runPlan } })
