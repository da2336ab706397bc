/**
 * The upper limit for a replicated store on this runtime: one Fastify server over one LevelDB with group commit, and
 * nothing else. It is a separate program: `node single-node.ts PORT DIRECTORY`.
 */
import Fastify from 'fastify'
import { Level } from 'level'

interface Pending {
  readonly key: string
  readonly value: Buffer
  readonly done: () => void
}

const [, , port = '0', directory = ''] = process.argv
const database = new Level<string, Buffer>(directory, { valueEncoding: 'buffer' })
await database.open()
const queues: Record<'sync' | 'os', Pending[]> = { sync: [], os: [] }

/** Writes that arrive while one batch is being written go into the next batch. */
async function commit(durability: 'sync' | 'os'): Promise<void> {
  for (let batch = queues[durability]; batch.length > 0; batch = queues[durability]) {
    const taken = batch.splice(0)
    const operations = taken.map(({ key, value }) => ({ type: 'put' as const, key, value }))
    await database.batch(operations, { sync: durability === 'sync' })
    for (const { done } of taken) done()
  }
  running[durability] = false
}
const running = { sync: false, os: false }

function put(key: string, value: Buffer, durability: 'sync' | 'os'): Promise<void> {
  return new Promise((done) => {
    queues[durability].push({ key, value, done })
    if (running[durability]) return
    running[durability] = true
    setImmediate(() => void commit(durability))
  })
}

const app = Fastify({ logger: false })
app.removeAllContentTypeParsers()
app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
app.get<{ Params: { key: string } }>('/kv/:key', async (request, reply) => {
  const value = await database.get(request.params.key)
  if (value === undefined) return reply.code(404).send()
  return reply.type('application/octet-stream').send(value)
})
app.put<{ Params: { key: string }; Querystring: { durability?: string } }>(
  '/kv/:key',
  async (request, reply) => {
    const durability = request.query.durability === 'os' ? 'os' : 'sync'
    await put(
      request.params.key,
      (request.body as Buffer | undefined) ?? Buffer.alloc(0),
      durability,
    )
    return reply.code(204).send()
  },
)
await app.listen({ host: '127.0.0.1', port: Number(port) })
process.on('disconnect', () => process.exit(0))
process.send?.('ready')
