/** Damage to the files of one node: among three it is filled from the others, alone it says what can be done. */
import { existsSync, rmSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { Level } from 'level'
import { expect, it } from 'vitest'
import { msgpackCodec } from '../../src/adapters/codec/msgpack-codec.ts'
import { PROGRESS_KEY } from '../../src/adapters/level-disk/synced-file.ts'
import { createPinoLog } from '../../src/adapters/log/pino-log.ts'
import { repairDatabase } from '../../src/server/database-repair.ts'
import { openNodeDisk } from '../../src/server/node-disk.ts'
import { frame } from '../../src/node/storage/record-frame.ts'
import { startCluster, type TestCluster } from '../api/test-cluster.ts'
import { unframedDirectory } from '../node/storage/unframed-directory.ts'

const KEYS = Array.from({ length: 50 }, (_, i) => `k${i}`)
const THREE = ['n1', 'n2', 'n3'].map((id) => ({
  id,
  peerUrl: `http://${id}:7080`,
  zone: 'z',
}))
const SILENT = createPinoLog({ node: 'n1', level: 'silent' })

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
    .poll(async () => (await cluster.request(1, '/readyz')).status, { timeout: 45_000 })
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
  const report = await repairDatabase(cluster.dataDirs[0] as string, SILENT)
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

/** Makes of a stopped node's directory one of a version before the checksums. Its upgrade has come as far as `reached`. */
async function makeOld(dataDir: string, reached: string): Promise<void> {
  const directory = join(dataDir, 'db')
  const database = new Level<string, Uint8Array>(directory, { valueEncoding: 'buffer' })
  const stored = new Map(await database.iterator().all())
  stored.delete(PROGRESS_KEY)
  const old = unframedDirectory(stored, 2)
  for (const [key, value] of old) {
    if (key <= reached && key !== 'm/format') old.set(key, frame(key, value))
  }
  if (reached !== '') {
    old.set('m/framing', frame('m/framing', msgpackCodec.encode(reached)))
  }
  await database.clear()
  await database.batch([...old].map(([key, value]) => ({ type: 'put', key, value })))
  await database.close()
  rmSync(join(directory, 'synced'))
}

it.each(['d/zz', 'm/clock'])(
  'an upgrade to checksums that was killed at "%s" is not taken for damage',
  async (reached) => {
    const cluster = await startCluster(1)
    await fill(cluster)
    await cluster.nodes[0]?.stop()
    const dataDir = cluster.dataDirs[0] as string
    await makeOld(dataDir, reached)
    const broken: Error[] = []
    const options = { dataDir, members: THREE }
    const { disk } = await openNodeDisk(options, (error) => broken.push(error), SILENT)
    expect([disk.setAside, disk.hasLostWrites, broken]).toEqual([undefined, false, []])
    await disk.close()
    await cluster.restart(0)
    for (const key of KEYS) {
      expect((await cluster.request(0, `/v1/kv/default/${key}`)).text).toBe(key)
    }
    await cluster.stop()
  },
)

it('the repair of a directory without checksums keeps its values', async () => {
  const cluster = await startCluster(1)
  await fill(cluster)
  await cluster.nodes[0]?.stop()
  const dataDir = cluster.dataDirs[0] as string
  await makeOld(dataDir, '')
  const report = await repairDatabase(dataDir, SILENT)
  expect(report).toMatchObject({ readableKeys: KEYS.length, damagedValues: 0, isStateKept: true })
  await cluster.restart(0)
  for (const key of KEYS) {
    expect((await cluster.request(0, `/v1/kv/default/${key}`)).text).toBe(key)
  }
  await cluster.stop()
})

it('a directory of a later version is refused, and stays where it is', async () => {
  const cluster = await startCluster(1)
  await cluster.nodes[0]?.stop()
  const dataDir = cluster.dataDirs[0] as string
  const database = new Level<string, Uint8Array>(join(dataDir, 'db'), { valueEncoding: 'buffer' })
  const format = frame('m/format', msgpackCodec.encode(99))
  await database.put('m/format', format)
  await database.put('m/topology', frame('m/topology', msgpackCodec.encode('of another kind')))
  await database.close()
  const opening = openNodeDisk({ dataDir, members: THREE }, () => undefined, SILENT)
  await expect(opening).rejects.toThrow('has format 99')
  await database.open()
  expect(Buffer.from((await database.get('m/format')) ?? [])).toEqual(Buffer.from(format))
  await database.close()
  await cluster.stop()
})
