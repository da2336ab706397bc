/** Turns of the event loop, in Node.js and in browsers. All settled promises continue before the next turn. */

/** Runs `task` in a turn of its own, after the turns that were asked for before. */
export const inNextTurn: (task: () => void) => void =
  typeof setImmediate === 'function'
    ? (task) => {
        setImmediate(task)
      }
    : byMessages()

/** A timer of a browser waits for milliseconds. A message to itself does not. */
function byMessages(): (task: () => void) => void {
  const { port1, port2 } = new MessageChannel()
  const waiting: (() => void)[] = []
  let next = 0
  port1.onmessage = () => {
    const task = waiting[next++] as () => void
    if (next === waiting.length) {
      waiting.length = 0
      next = 0
    }
    task()
  }
  return (task) => {
    waiting.push(task)
    port2.postMessage(null)
  }
}
