/** Damage to the files of one node: among three it is filled from the others, alone it says what can be done. */
import { existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { repairDatabase } from '../../src/database-repair.ts'
import { startCluster, type TestCluster } from '../api/test-cluster.ts'

const KEYS = Array.from({ length: 50 }, (_, i) => `k${i}`)

async function fill(cluster: TestCluster): Promise<void> {
  for (const key of KEYS) {
    const { status } = await cluster.request(0, `/v1/kv/default/${key}`, {
      method: 'PUT',
      body: key,
    })
    expect(status).toBe(204)
  }
}

/** The files of that kind in the database of a stopped node. */
function files(cluster: TestCluster, node: number, kind: RegExp): string[] {
  const directory = join(cluster.dataDirs[node] as string, 'db')
  const names = readdirSync(directory).filter((name) => kind.test(name))
  return names.map((name) => join(directory, name))
}

function flipByteIn(file: string, after: string): void {
  const bytes = readFileSync(file)
  const at = bytes.indexOf(after)
  expect(at).toBeGreaterThan(0)
  bytes[at] = (bytes[at] as number) ^ 0x20
  writeFileSync(file, bytes)
}

it('a node whose own topology record is damaged comes back by itself', async () => {
  const cluster = await startCluster(3)
  await fill(cluster)
  // The next start makes a table of the log.
  await cluster.nodes[1]?.stop()
  await cluster.restart(1)
  await cluster.nodes[1]?.stop()
  const table = files(cluster, 1, /\.ldb$/).find((file) =>
    readFileSync(file).includes('"members"'),
  ) as string
  flipByteIn(table, '"members"')
  await cluster.restart(1)
  await expect
    .poll(async () => (await cluster.request(1, '/readyz')).status, { timeout: 15_000 })
    .toBe(200)
  for (const key of KEYS) {
    const { text } = await cluster.request(1, `/v1/kv/default/${key}?consistency=eventual`)
    expect(text).toBe(key)
  }
  await cluster.stop()
})

it('a node alone names the way to save what is left, and that saves it', async () => {
  const cluster = await startCluster(1)
  await fill(cluster)
  await cluster.nodes[0]?.stop()
  for (const file of files(cluster, 0, /^CURRENT$/)) truncateSync(file, 0)
  await expect(cluster.restart(0)).rejects.toThrow(/is damaged.*--repair/)
  const report = await repairDatabase(cluster.dataDirs[0] as string)
  expect(report).toMatchObject({ readableKeys: KEYS.length, damagedValues: 0, isStateKept: true })
  expect(existsSync(report.before)).toBe(true)
  await cluster.restart(0)
  for (const key of KEYS) {
    expect((await cluster.request(0, `/v1/kv/default/${key}`)).text).toBe(key)
  }
  const { text } = await cluster.request(0, '/v1/keys/default?limit=100')
  expect(text.match(/"key":/g)).toHaveLength(KEYS.length)
  await cluster.stop()
})
