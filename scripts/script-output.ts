/** The output of a script: lines, and on a terminal a bar below them that shows how far the work is. */
import { ProgressBar } from '../src/terminal/progress-bar.ts'
import { sinkOf } from '../src/terminal/sink.ts'

const bar = new ProgressBar(sinkOf(process.stderr))
// However the process ends, the shell's prompt must not begin behind the bar.
process.on('exit', () => bar.end())

export const output = {
  print: (line: string): void => {
    bar.clear()
    console.log(line)
  },
  complain: (line: string): void => {
    bar.clear()
    console.error(line)
  },
  progress: bar,
}

/** For scripts that a signal ends at once, as it does by default: it ends them with the bar removed. */
export function removeBarOnSignals(): void {
  if (!process.stderr.isTTY) return
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      bar.end()
      process.kill(process.pid, signal)
    })
  }
}
