/**
 * The README files of this project as data: their blocks of commands, their links and their headings. A reader copies
 * commands, so each block either runs in a test (test/integration/readme.test.ts) or is listed here with the reason.
 * Each example in TypeScript stands in a test, where it is compiled and runs.
 */
import { existsSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { type ProjectFile, PROJECT_ROOT, readFiles } from './project-files.ts'

/** A `console` block shows commands after `$ ` with their output; an `sh` block shows commands alone. */
const COMMAND_LANGUAGES = ['console', 'sh']
const EXAMPLE_LANGUAGE = 'ts'
/** Blocks of these languages are to be read, and not to be run. */
const OTHER_LANGUAGES = ['text', 'json']

/** The tests that run the examples of each document. */
export const EXAMPLE_TESTS: Readonly<Record<string, string>> = {
  'README.md': 'test/client/readme.test.ts',
  'src/api/README.md': 'test/api/readme.test.ts',
  'src/client/README.md': 'test/client/readme.test.ts',
  'src/testcontainers/README.md': 'test/docker/quorate-cluster.ts',
}

export interface Step {
  readonly command: string
  /** Undefined where any output will do. `…` stands for anything. */
  readonly expected: string | undefined
}

export interface Block {
  readonly document: string
  readonly line: number
  readonly language: string
  readonly text: string
}

export interface NotRun {
  readonly document: string
  /** The first line of the block. */
  readonly first: string
  readonly why: string
}

/** The commands that no test of the README files runs. A test refuses an entry that names no block. */
export const NOT_RUN: readonly NotRun[] = [
  {
    document: 'README.md',
    first: 'npm start',
    why: 'the test starts the same cluster itself; test/local-cluster runs the command',
  },
  {
    document: 'docker/README.md',
    first: 'docker compose up --build -d',
    why: 'it needs Docker; test/docker starts the same containers on free ports',
  },
  {
    document: 'docker/image.md',
    first: 'docker compose exec n1 quorate status',
    why: 'it needs Docker; test/docker runs it in a container of its own',
  },
  {
    document: 'docker/image.md',
    first:
      "digest=$(docker buildx imagetools inspect node:24-bookworm-slim --format '{{.Manifest.Digest}}')",
    why: 'it needs Docker and a registry',
  },
  {
    document: 'docker/image.md',
    first: 'npm run --silent sbom > sbom.json',
    why: 'test/operations/supply-chain.test.ts runs it',
  },
  {
    document: 'docker/README.md',
    first: 'docker compose --profile more --profile observability down -v',
    why: 'it needs Docker; test/docker removes its own containers',
  },
  {
    document: 'docker/README.md',
    first: 'docker compose up -d n6',
    why: 'it needs Docker; npm start -- --join makes the same change',
  },
  {
    document: 'docker/README.md',
    first: 'docker compose build',
    why: 'it needs Docker; test/api/upgrade.test.ts upgrades nodes without it',
  },
  {
    document: 'docker/README.md',
    first: `$ curl localhost:8001/v1/cluster/apply -d '{"leave":"n2"}'`,
    why: 'it takes half a minute; test/local-cluster/growing-cluster.test.ts does the same',
  },
  {
    document: 'docker/access.md',
    first: 'umask 077',
    why: 'it needs nodes with QUORATE_AUTH=on; test/cli/token.test.ts asks such a node',
  },
  {
    document: 'docker/access.md',
    first:
      'npx quorate token create web --grant default/eu/=read+write --ttl 720h --token-file root-token >web-token',
    why: 'it needs nodes with QUORATE_AUTH=on; test/cli/token.test.ts runs such commands',
  },
  {
    document: 'docker/tls.md',
    first: 'openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1825 \\',
    why: 'it needs openssl; test/operations/tls-page.test.ts runs it where openssl is installed',
  },
  {
    document: 'docker/tls.md',
    first: 'sh docker/tls/certificates.sh .quorate/tls n1 n2 n3 n4 n5 n6 n7',
    why: 'it needs Docker; test/operations/tls-page.test.ts runs the script and reads the compose file',
  },
  {
    document: 'docker/tls.md',
    first: 'export NODE_EXTRA_CA_CERTS=$PWD/.quorate/tls/client/client-ca.pem',
    why: 'it needs Docker; test/soak/secured-check.test.ts runs such a check',
  },
  {
    document: 'docker/kubernetes/tls/README.md',
    first: "ec='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'",
    why: 'it needs openssl; test/operations/kubernetes-tls.test.ts runs it where openssl is installed',
  },
  {
    document: 'docker/kubernetes/tls/README.md',
    first: 'ask() {',
    why: 'it needs a cluster of Kubernetes, and asks nothing by itself',
  },
  {
    document: 'docker/kubernetes/tls/README.md',
    first: 'kubectl -n quorate create secret generic quorate-peer-tls \\',
    why: 'it needs a cluster of Kubernetes; test/operations compares the files with its schemas',
  },
  {
    document: 'docker/kubernetes/README.md',
    first: 'kubectl create namespace quorate',
    why: 'it needs a cluster of Kubernetes; test/operations compares the files with its schemas',
  },
  {
    document: 'docker/kubernetes/README.md',
    first:
      'helm install quorate docker/kubernetes/chart -n quorate --create-namespace --set image=registry.example/quorate@sha256:…',
    why: 'it needs a cluster of Kubernetes; test/operations renders the chart',
  },
  {
    document: 'docker/kubernetes/README.md',
    first: 'kubectl -n quorate scale statefulset/quorate --replicas=6',
    why: 'it needs a cluster of Kubernetes; docker/README.md adds a node the same way',
  },
  {
    document: 'docker/kubernetes/README.md',
    first: 'ask /v1/cluster/apply -d \'{"leave":"quorate-5"}\'',
    why: 'it needs a cluster of Kubernetes; docker/README.md removes a node the same way',
  },
  {
    document: 'docker/kubernetes/README.md',
    first: 'kubectl -n quorate delete pvc/data-quorate-2 pod/quorate-2',
    why: 'it needs a cluster of Kubernetes; test/operations compares the files with its schemas',
  },
  {
    document: 'docker/kubernetes/README.md',
    first: 'kubectl kustomize . | kubectl apply -l quorate/zone=a -f -',
    why: 'it needs a cluster of Kubernetes; test/operations compares the files with its schemas',
  },
  {
    document: 'docker/observability/README.md',
    first: 'docker compose --profile observability up -d',
    why: 'it needs two images from a registry; test/operations tries the rules, and reads the other files',
  },
  {
    document: 'docker/tracing.md',
    first: 'docker compose up -d',
    why: 'it needs an image from a registry; test/api/tracing.test.ts has a collector of its own',
  },
  {
    document: 'docker/swarm/README.md',
    first: 'docker node update --label-add quorate.n1=true machine-1',
    why: 'it needs a swarm of several machines; test/operations reads the stack',
  },
  {
    document: 'docker/swarm/README.md',
    first: 'docker run --rm --network quorate_client "$QUORATE_IMAGE" \\',
    why: 'it needs a swarm of several machines; test/operations reads the stack',
  },
  {
    document: 'docker/swarm/README.md',
    first: 'export QUORATE_TLS_DIR=$PWD/.quorate/tls',
    why: 'it needs a swarm of several machines; test/operations reads the stack',
  },
  {
    document: 'docker/swarm/README.md',
    first:
      'docker stack deploy --with-registry-auth -c docker/swarm/stack.yml -c docker/swarm/tls.yml \\',
    why: 'it needs a swarm of several machines; test/operations reads the stack',
  },
  {
    document: 'docker/swarm/README.md',
    first: `export CHANGE='{"leave":"n4"}' TOKEN="$(cat "$QUORATE_TLS_DIR/client/root-token")"`,
    why: 'it needs a swarm of several machines; test/operations reads the stack',
  },
  {
    document: 'docker/swarm/README.md',
    first: `export CHANGE='{"leave":"n4"}'`,
    why: 'it needs a swarm of several machines; test/operations reads the stack',
  },
  {
    document: 'docker/swarm/README.md',
    first: 'docker node update --label-add quorate.n4=true machine-4',
    why: 'it needs a swarm of several machines; test/operations reads the stack',
  },
  {
    document: 'docker/swarm/README.md',
    first:
      'docker service update --with-registry-auth --image registry.example/quorate@sha256:… quorate_n1',
    why: 'it needs a swarm of several machines; test/operations reads the stack',
  },
  {
    document: 'src/checker/README.md',
    first:
      '$ npm run check -- --workload set --nemesis partition-halves --time-limit 30s; echo "exit code $?"',
    why: 'test/integration/check.test.ts runs the same check',
  },
]

/** The members of the cluster change in the last document, so that all others find the first five. */
export function readDocuments(): readonly ProjectFile[] {
  const paths = [
    'README.md',
    'src/**/README.md',
    'test/**/README.md',
    'docker/*/README.md',
    'docker/*/*/README.md',
    'docker/[a-z]*.md',
    'docker/README.md',
  ]
  return paths.flatMap((path) =>
    readFiles(path).sort((a, b) => (a.path < b.path ? -1 : Number(a.path > b.path))),
  )
}

export function blocksOf({ path, text }: ProjectFile): readonly Block[] {
  const blocks = text.matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)
  return [...blocks].map(({ index, 1: language = '', 2: content = '' }) => ({
    document: path,
    line: text.slice(0, index).split('\n').length,
    language,
    text: content,
  }))
}

export function isCommands({ language }: Block): boolean {
  return COMMAND_LANGUAGES.includes(language)
}

export function isExample({ language }: Block): boolean {
  return language === EXAMPLE_LANGUAGE
}

export function isKnownLanguage({ language }: Block): boolean {
  return [...COMMAND_LANGUAGES, EXAMPLE_LANGUAGE, ...OTHER_LANGUAGES].includes(language)
}

/** Whether the lines of the example stand together in the source. Each has its own imports and makes its own client. */
export function standsIn({ text }: Block, source: string): boolean {
  const example = significantLines(text)
  const lines = significantLines(source)
  return lines.some((_, at) => example.every((line, i) => lines[at + i] === line))
}

function significantLines(text: string): readonly string[] {
  const lines = text.split('\n').map((line) => line.trim())
  return lines.filter((line) => line !== '' && !/^import |\bcreateClient\(/.test(line))
}

export function isNamedBy(block: Block, { document, first }: NotRun): boolean {
  return block.document === document && block.text.split('\n')[0] === first
}

/** Each `$ command` of a console block with the lines below it; an `sh` block is one step. */
export function stepsOf({ language, text }: Block): readonly Step[] {
  if (language === 'sh') return [{ command: text.trimEnd(), expected: undefined }]
  const steps = text.split(/^\$ /m).slice(1)
  return steps.map((step) => {
    const lines = step.trimEnd().split('\n')
    // A backslash at the end of a line continues the command.
    const end = lines.findIndex((line) => !line.endsWith('\\')) + 1
    return { command: lines.slice(0, end).join('\n'), expected: lines.slice(end).join('\n') }
  })
}

/** Links to places that are not there, as `document: link`. */
export function brokenLinks(documents: readonly ProjectFile[]): readonly string[] {
  return documents.flatMap((document) =>
    linksOf(document)
      .filter((link) => !resolves(document, link))
      .map((link) => `${document.path}: ${link}`),
  )
}

/** Documents that no chain of links from the first one leads to. */
export function unreachable(documents: readonly ProjectFile[]): readonly string[] {
  const [first] = documents
  const reached = new Set(first === undefined ? [] : [first.path])
  for (const path of reached) {
    const document = documents.find((candidate) => candidate.path === path)
    if (document === undefined) continue
    for (const link of linksOf(document)) {
      const { path: target } = targetOf(document, link)
      reached.add(target).add(`${target}/README.md`)
    }
  }
  return documents.map(({ path }) => path).filter((path) => !reached.has(path))
}

/** Folders and files that stand in backticks and are not there. */
export function missingPlaces({ path, text }: ProjectFile): readonly string[] {
  const named = text.matchAll(/`((?:src|test|scripts|docker)\/[\w./-]+)`/g)
  return [...named]
    .map(([, place = '']) => place)
    .filter((place) => !existsSync(join(PROJECT_ROOT, place)))
    .map((place) => `${path}: ${place}`)
}

/** Links within the project. */
function linksOf({ text }: ProjectFile): readonly string[] {
  const prose = text.replaceAll(/^```[\s\S]*?^```$/gm, '').replaceAll(/`[^`\n]*`/g, '`code`')
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, link = '']) => link)
    .filter((link) => !/^https?:/.test(link))
}

function resolves(document: ProjectFile, link: string): boolean {
  const { path, anchor } = targetOf(document, link)
  if (!existsSync(join(PROJECT_ROOT, path))) return false
  if (anchor === undefined) return true
  const target = path === document.path ? document : readFiles(path)[0]
  return target !== undefined && anchorsOf(target).includes(anchor)
}

function targetOf({ path }: ProjectFile, link: string): { path: string; anchor?: string } {
  const [file = '', anchor] = link.split('#')
  const target = file === '' ? path : normalize(join(dirname(path), file)).replaceAll('\\', '/')
  return anchor === undefined ? { path: target } : { path: target, anchor }
}

/** As GitHub makes them of headings. */
function anchorsOf({ text }: ProjectFile): readonly string[] {
  const prose = text.replaceAll(/^```[\s\S]*?^```$/gm, '')
  return [...prose.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}
