/** `token`: makes, lists and revokes the access tokens of a cluster. */
import type { Sender } from '../../client/request/sender.ts'
import type { Word } from '../../command-line/command.ts'
import { UsageError } from '../../command-line/usage-error.ts'
import { tableLines } from '../../terminal/table.ts'
import { visible } from '../../terminal/terminal-text.ts'
import { writeJson, writeLines } from '../../terminal/sink.ts'
import { EXIT, exitCodes } from '../outcome/exit-code.ts'
import {
  createToken,
  type Grant,
  grantOf,
  grantText,
  listTokens,
  revokeToken,
  type TokenAnswer,
} from '../store/access-tokens.ts'
import { openSender, STORE_OPTIONS } from '../store/store-options.ts'
import type { World } from '../world.ts'
import { CALL, cliCommand } from './cli-command.ts'

/** A majority of the voters has to agree. */
const TIMEOUT_MS = 10_000
const TTL_MS_MAX = 315_360_000_000
const REQUESTS_PER_SECOND_MAX = 1_000_000
const CREATE_OPTIONS = ['grant', 'ttl', 'rate'] as const

const NAME: Word = {
  name: 'NAME',
  value: {
    kind: 'text',
    placeholder: 'NAME',
    pattern: /^[a-z0-9][a-z0-9._-]{0,62}$/,
    expected: 'the name of a token: 1 to 63 of a-z, 0-9, dots, dashes and underscores',
  },
}

export const TOKEN = cliCommand(
  'token',
  {
    about:
      'Makes, lists and revokes the tokens that clients of a cluster with QUORATE_AUTH=on need. It needs a token with ' +
      'the right admin over all buckets itself.',
    subcommands: {
      create: {
        about: 'Make a token, and print its text, which is not shown again.',
        words: [NAME],
      },
      list: { about: 'List the tokens, without their texts.' },
      revoke: { about: 'Revoke a token: every node in reach refuses it at once.', words: [NAME] },
    },
    options: {
      ...STORE_OPTIONS,
      timeout: { ...STORE_OPTIONS.timeout, default: TIMEOUT_MS },
      grant: {
        kind: 'list',
        placeholder: 'BUCKET/PREFIX=RIGHTS',
        about:
          'What the token may do: carts/eu/=read+write gives two rights over the keys of carts that begin with eu/. ' +
          'team-* stands for all buckets whose names begin so. The rights are read, write and admin.',
      },
      ttl: {
        kind: 'duration',
        max: TTL_MS_MAX,
        isInSeconds: true,
        otherwise: 'the token does not expire',
        about: 'How long the token is valid.',
      },
      rate: {
        kind: 'number',
        min: 1,
        max: REQUESTS_PER_SECOND_MAX,
        otherwise: 'the limit of each node',
        about: 'How many requests a second each node takes from the token.',
      },
    },
    examples: [
      'token create web --grant carts/eu/=read+write --ttl 720h',
      'token list',
      'token revoke web',
    ],
    exitCodes: exitCodes(0, 1, 3, 6, 7, 8, 130),
    unknown: {
      meaning: 'the tokens may or may not have been changed',
      advice: `${CALL} token list shows the tokens. Revoke one whose text you have not seen.`,
    },
  },
  async ({ values, subcommand, words: [name = ''], given }, world) => {
    const grants = (values.grant ?? []).map(grantOf)
    const unfit = CREATE_OPTIONS.find((option) => given.has(option))
    if (subcommand !== 'create' && unfit !== undefined) {
      throw new UsageError(`${subcommand} takes no --${unfit}`)
    }
    const sender = openSender(values, world)
    switch (subcommand) {
      case 'create':
        await create(
          sender,
          { name, grants, ttlMs: values.ttl, rate: values.rate },
          values.json,
          world,
        )
        break
      case 'list':
        await list(sender, values.json, world)
        break
      default:
        await revokeToken(sender, name, world.stop)
        if (values.json) await writeJson(world.out, { name, revoked: true })
        else await writeLines(world.out, [`The token ${name} is revoked.`])
    }
    return EXIT.ok
  },
)

async function create(
  sender: Sender,
  wanted: {
    name: string
    grants: readonly Grant[]
    ttlMs: number | undefined
    rate: number | undefined
  },
  isJson: boolean,
  { out, err, stop }: World,
): Promise<void> {
  const { name, grants, ttlMs, rate: requestsPerSecond = null } = wanted
  if (grants.length === 0) {
    throw new UsageError('create needs --grant, such as --grant carts/eu/=read+write')
  }
  const ttlSeconds = ttlMs === undefined ? null : ttlMs / 1000
  const made = await createToken(sender, { name, grants, ttlSeconds, requestsPerSecond }, stop)
  if (isJson) {
    await writeJson(out, made)
    return
  }
  await writeLines(out, [made.token])
  await writeLines(err, [
    `This is the token ${name}. Keep it: it is not shown again.${endWords(made)}`,
  ])
}

async function list(sender: Sender, isJson: boolean, { out, stop }: World): Promise<void> {
  const { tokens } = await listTokens(sender, stop)
  if (isJson) {
    await writeJson(out, { tokens })
    return
  }
  if (tokens.length === 0) {
    await writeLines(out, ['There are no tokens.'])
    return
  }
  const rows = tokens.map((token) => [
    token.name,
    token.state,
    token.expiresAt ?? 'never',
    token.grants.map((grant) => visible(grantText(grant))).join(' '),
  ])
  await writeLines(out, tableLines({ head: ['token', 'state', 'expires', 'grants'], rows }, out))
}

function endWords({ expiresAt }: TokenAnswer): string {
  return expiresAt === null ? '' : ` It expires at ${expiresAt}.`
}
