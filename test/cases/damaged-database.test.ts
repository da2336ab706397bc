/** Damage to the files of one node: among three it is filled from the others, alone it says what can be done. */
import { existsSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { Level } from 'level'
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

/** Changes a byte of the topology that a stopped node has stored, as a disk may. */
async function damageTopology(cluster: TestCluster, node: number): Promise<void> {
  const directory = join(cluster.dataDirs[node] as string, 'db')
  const database = new Level<string, Buffer>(directory, { valueEncoding: 'buffer' })
  const record = (await database.get('m/topology')) as Buffer
  const at = record.indexOf('"members"')
  expect(at).toBeGreaterThan(0)
  record[at] = (record[at] as number) ^ 0x20
  await database.put('m/topology', record)
  await database.close()
}

it('a node whose own topology record is damaged comes back by itself', async () => {
  const cluster = await startCluster(3)
  await fill(cluster)
  await cluster.nodes[1]?.stop()
  await damageTopology(cluster, 1)
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
  truncateSync(join(cluster.dataDirs[0] as string, 'db', 'CURRENT'), 0)
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
