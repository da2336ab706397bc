/** The wait for a child process to end has a bound, whatever the process does. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { endsAfter } from '../../src/local-cluster/process-end.ts'

test('process end: is given up where the process lives on, and seen where it ends', async () => {
  // It lives until its input ends.
  const child = spawn('sh', ['-c', 'read -r _'], { stdio: ['pipe', 'ignore', 'ignore'] })
  const exit = once(child, 'exit')
  await once(child, 'spawn')

  expect(await endsAfter(child, AbortSignal.abort(), 20)).toBe(false)

  const killed = new AbortController()
  const isGone = endsAfter(child, killed.signal, 600_000)
  killed.abort()
  child.stdin.destroy()
  expect(await isGone).toBe(true)
  await exit
})
