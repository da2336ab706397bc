/** The image in its container: what may write where, the command in it, signals, and who starts an ended node again. */
import { expect, test } from 'vitest'
import { docker } from '../../src/chaos/docker-client.ts'
import type { NodeId, Stack } from './stack.ts'

const RESTARTED = { timeout: 90_000, interval: 200 }

export function testImage(stackNow: () => Stack): void {
  const container = (id: NodeId): string => stackNow().containerOf(id)

  test('a node runs as a user without rights, and writes only its data', async () => {
    const script =
      'id -un; touch /app/x || echo refused; touch "$QUORATE_DATA_DIR/x" && rm "$QUORATE_DATA_DIR/x"'
    const n1 = container('n1')
    expect(await docker(['exec', n1, 'sh', '-c', `(${script}) 2>/dev/null`])).toBe(
      'node\nrefused\n',
    )
    const format = '{{.HostConfig.CapDrop}} {{.HostConfig.ReadonlyRootfs}}'
    expect(await docker(['inspect', n1, '--format', format])).toBe('[ALL] true\n')
  })

  test('a node starts from modules that were compiled for the image', async () => {
    const load =
      'node --disable-sigusr1 --max-semi-space-size=16 --import ./src/server/run-node.ts src/main.ts --help'
    const script = `NODE_DEBUG_NATIVE=COMPILE_CACHE ${load} 2>&1 | grep 'V8 code cache for ESM file:///app/src'`
    const told = (await docker(['exec', container('n1'), 'sh', '-c', script])).trim().split('\n')
    expect(told.some((line) => line.includes('/app/src/server/compose.ts was accepted'))).toBe(true)
    expect(told.filter((line) => !line.includes('was accepted'))).toEqual([])
  })

  test('the command asks the node of its container', async () => {
    const n2 = container('n2')
    await docker(['exec', n2, 'quorate', 'put', 'default', 'by-command', 'apple'])
    expect(await docker(['exec', n2, 'quorate', 'get', 'default', 'by-command'])).toBe('apple')
    expect(await docker(['exec', n2, 'quorate', 'status'])).toContain('Everything works')
  })

  test('SIGHUP and SIGUSR1 do nothing, and a node that ends by itself is started again', async () => {
    const n3 = container('n3')
    const format = '{{.RestartCount}} {{.State.Running}}'
    const state = (): Promise<string> => docker(['inspect', n3, '--format', format])
    // Not by `docker kill`: Docker 20.10 takes every signal of it for a stop, and starts the node no more.
    const signal = (name: string): Promise<string> =>
      docker(['exec', n3, 'sh', '-c', signalNode(name)])
    for (const name of ['HUP', 'USR1']) await signal(name)
    await docker(['exec', n3, 'quorate', 'get', 'default', 'by-command'])
    expect(await state()).toBe('0 true\n')
    // As the kernel ends it where memory runs out. The container ends, and with it this command.
    await signal('KILL').catch(() => undefined)
    await expect.poll(state, RESTARTED).toBe('1 true\n')
    const ready = async (): Promise<number> =>
      (await fetch(stackNow().url('n3', '/readyz')).catch(() => undefined))?.status ?? 0
    await expect.poll(ready, RESTARTED).toBe(200)
  })
}

/** A script that sends a signal to the process of the node. */
function signalNode(name: string): string {
  const isNode = '[ "$(readlink $p/exe)" = /usr/local/bin/node ]'
  return `for p in /proc/[0-9]*; do ! ${isNode} || kill -${name} ${'${p#/proc/}'}; done`
}
