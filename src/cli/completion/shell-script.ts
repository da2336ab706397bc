/** The scripts with which bash, zsh and fish complete the command `quorate`. */
import type { CompletedOption, CompletionEntry } from './completion-entry.ts'

export const SHELLS = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof SHELLS)[number]

export function completionScript(shell: Shell, entries: readonly CompletionEntry[]): string {
  switch (shell) {
    case 'bash':
      return bashScript(entries)
    case 'zsh':
      return zshScript(entries)
    case 'fish':
      return fishScript(entries)
    default:
      return shell satisfies never
  }
}

function bashScript(entries: readonly CompletionEntry[]): string {
  return `# Completion of quorate for bash: source <(npx quorate completion bash)
_quorate() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} command= words= i
  for ((i = 1; i < COMP_CWORD; i++)); do
    [[ \${COMP_WORDS[i]} == -* ]] || { command=\${COMP_WORDS[i]}; break; }
  done
  COMPREPLY=()
  case "$command $previous" in
${valueCases(entries, {
  names: (names) => `COMPREPLY=($(compgen -W ${quoted(names.join(' '))} -- "$current"))`,
  file: 'COMPREPLY=($(compgen -f -- "$current"))',
})}
  esac
  case "$command" in
    '') words=${quoted(entries.map(({ name }) => name).join(' '))} ;;
${entries.map((entry) => `    ${entry.name}) words=${quoted(followersOf(entry).join(' '))} ;;`).join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _quorate quorate`
}

function zshScript(entries: readonly CompletionEntry[]): string {
  const described = (items: readonly { name: string; about: string }[]): string =>
    items.map(({ name, about }) => quoted(about === '' ? name : `${name}:${about}`)).join(' ')
  return `#compdef quorate
# Completion of quorate for zsh: source <(npx quorate completion zsh)
_quorate() {
  local command= previous=\${words[CURRENT-1]} word
  local -a found
  for word in \${words[2,CURRENT-1]}; do
    [[ $word == -* ]] || { command=$word; break; }
  done
  case "$command $previous" in
${valueCases(entries, {
  names: (names) => `compadd -- ${names.join(' ')}`,
  file: '_files',
})}
  esac
  case "$command" in
    '') found=(${described(entries)}) ;;
${entries
  .map(({ name, words, options }) => {
    const named = options.map((option) => ({ ...option, name: `--${option.name}` }))
    return `    ${name}) found=(${described([...words, ...named])}) ;;`
  })
  .join('\n')}
  esac
  _describe quorate found
}
compdef _quorate quorate`
}

/** What follows an option that takes a value. */
function valueCases(
  entries: readonly CompletionEntry[],
  { names, file }: { names: (names: readonly string[]) => string; file: string },
): string {
  const actionOf = (option: CompletedOption): string => {
    if (option.takes === 'names') return `${names(option.names)}; return`
    return option.takes === 'file' ? `${file}; return` : 'return'
  }
  return entries
    .flatMap(({ name, options }) =>
      options
        .filter(({ takes }) => takes !== 'nothing')
        .map((option) => `    ${quoted(`${name} --${option.name}`)}) ${actionOf(option)} ;;`),
    )
    .join('\n')
}

function fishScript(entries: readonly CompletionEntry[]): string {
  return [
    '# Completion of quorate for fish: npx quorate completion fish | source',
    'complete -c quorate -f',
    ...entries.map(
      ({ name, about }) =>
        `complete -c quorate -n __fish_use_subcommand -a ${name} -d ${fishQuoted(about)}`,
    ),
    ...entries.flatMap(({ name, words, options }) => {
      const begin = `complete -c quorate -n '__fish_seen_subcommand_from ${name}'`
      return [
        ...words.map((word) => `${begin} -a ${word.name} -d ${fishQuoted(word.about)}`),
        ...options.map(
          (option) =>
            `${begin} -l ${option.name}${fishValue(option)} -d ${fishQuoted(option.about)}`,
        ),
      ]
    }),
  ].join('\n')
}

function fishValue({ takes, names }: CompletedOption): string {
  switch (takes) {
    case 'nothing':
      return ''
    case 'names':
      return ` -x -a ${fishQuoted(names.join(' '))}`
    case 'file':
      return ' -r -F'
    case 'text':
      return ' -x'
    default:
      return takes satisfies never
  }
}

function followersOf({ words, options }: CompletionEntry): string[] {
  return [...words.map(({ name }) => name), ...options.map(({ name }) => `--${name}`), '--help']
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`
}

function fishQuoted(text: string): string {
  return `'${text.replaceAll(/[\\']/g, String.raw`\$&`)}'`
}
