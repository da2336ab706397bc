/** The token of a client: it goes to each endpoint, with each attempt, and into no error. */
import { expect, test } from 'vitest'
import { createClient } from '../../src/client/quorate.ts'

const TOKEN = 'quorate_a-token.of~tests+/='

test('each attempt sends the token', async () => {
  const sent: (string | null)[] = []
  const client = createClient({
    endpoints: ['http://a', 'http://b'],
    token: TOKEN,
    fetch: async (_url, { headers }) => {
      sent.push(headers.get('authorization'))
      throw new TypeError('fetch failed')
    },
    retry: { attempts: 2, baseMs: 1, maxMs: 1 },
  })
  const error = await client
    .bucket('default')
    .get('k')
    .catch((thrown: unknown) => thrown)
  expect(sent).toEqual([`Bearer ${TOKEN}`, `Bearer ${TOKEN}`])
  expect(String(error)).not.toContain(TOKEN)
})

test('without a token there is no header', async () => {
  let header: string | null = ''
  const client = createClient({
    endpoints: ['http://a'],
    fetch: async (_url, { headers }) => {
      header = headers.get('authorization')
      throw new TypeError('fetch failed')
    },
    retry: false,
  })
  await expect(client.bucket('default').get('k')).rejects.toThrow()
  expect(header).toBeNull()
})

test.each(['', 'two words', 'a\r\nx: y', 'é'])(
  'the token %j is refused, and not shown',
  (token) => {
    const make = (): unknown => createClient({ endpoints: ['http://a'], token })
    expect(make).toThrow(TypeError)
    expect(make).toThrow('a token has only letters')
  },
)
