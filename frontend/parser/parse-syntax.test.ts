import { expect, test } from 'vitest'
import type { BuildError } from '../../core/errors.ts'
import type { SourceRange } from '../../core/source-range.ts'
import { heredocText } from './heredoc.ts'
import { parseSyntax } from './parse-syntax.ts'

function parse(text: string) {
  const errors: BuildError[] = []
  return { ...parseSyntax(text, 'Dockerfile', errors), errors }
}

function only(text: string) {
  const { instructions, errors } = parse(text)
  expect(errors).toEqual([])
  expect(instructions).toHaveLength(1)
  return instructions[0]!
}

function show({ start, end }: SourceRange): string {
  return `${start.line}:${start.column}-${end.line}:${end.column}`
}

test('keyword, flags and arguments are parted, each with its place', () => {
  const { keyword, flags, rest, range } = only('  COPY --from=a  --link b c  ')
  expect([keyword, ...flags, rest].map(({ text, range }) => `${text} ${show(range)}`)).toEqual([
    'COPY 1:3-1:7',
    '--from=a 1:8-1:16',
    '--link 1:18-1:24',
    'b c 1:25-1:28',
  ])
  expect(show(range)).toBe('1:3-1:28')
})

test('places are exact across continued lines', () => {
  const { rest, range } = only('RUN one \\\n   two\\\n# comment\n\n three\n')
  expect(rest.text).toBe('one    two three')
  expect(show(rest.rangeOf(rest.text.indexOf('two'), rest.text.indexOf('two') + 3))).toBe('2:4-2:7')
  expect(show(rest.rangeOf(rest.text.indexOf('three'), rest.text.length))).toBe('5:2-5:7')
  expect(show(range)).toBe('1:1-5:7')
})

test('an escaped escape does not continue a line, blanks behind an escape do not matter', () => {
  const { instructions } = parse('RUN a \\\\\nRUN b \\ \t\n c\n\\\nRUN d')
  expect(instructions.map(({ line }) => line.text)).toEqual(['RUN a \\\\', 'RUN b  c', 'RUN d'])
})

test('a file that ends within a continuation ends the instruction', () => {
  expect(only('RUN a \\').rest.text).toBe('a')
})

test('quotes and escapes in flags go, and `--` ends the flags', () => {
  const { flags, rest } = only('RUN --mount="a b",c\\,d -- --x')
  expect(flags.map(({ text }) => text)).toEqual(['--mount=a b,c,d'])
  expect(rest.text).toBe('--x')
})

test('a line may be of any length', () => {
  const word = 'x'.repeat(70_000)
  expect(only(`RUN ${word}`).rest.text).toBe(word)
  expect(only(`RUN ${word}\\\n${word}`).rest.text).toBe(word + word)
})

test('a byte order mark does not shift columns, carriage returns are not text', () => {
  const { line, range } = only('\ufeffRUN a\r\n')
  expect(line.text).toBe('RUN a')
  expect(show(range)).toBe('1:1-1:6')
})

test('heredocs keep their lines as they are, and the instruction reaches to the last', () => {
  const { heredocs, range } = only('RUN <<A 3<<-"B c"\na\\\n#\n\nA\n\tb\r\n\tB c\n')
  expect(heredocs.map(({ name, expand, stripTabs, body }) => [name, expand, stripTabs, body.text])).toEqual([
    ['A', true, false, 'a\\\n#\n\n'],
    ['B c', false, true, '\tb\r\n'],
  ])
  expect(heredocs.map((heredoc) => heredocText(heredoc).text)).toEqual(['a\\\n#\n\n', 'b\r\n'])
  expect(show(range)).toBe('1:1-7:5')
})

test('text in a heredoc knows its place, without the tabs as well', () => {
  const heredoc = only('COPY <<-E /x\n\t\tone\n\ttwo\nE\n').heredocs[0]!
  const text = heredocText(heredoc)
  expect(text.text).toBe('one\ntwo\n')
  expect(show(text.rangeOf(4, 7))).toBe('3:2-3:5')
})

test.each([
  ['RUN echo "<<E"', 'quoted'],
  ["RUN echo '<<E'", 'quoted'],
  ['RUN echo <<<E', 'a string for the shell'],
  ['RUN ["<<E"]', 'JSON'],
  ['RUN echo $((1<<2))', 'a shift'],
  ['RUN echo "open <<E', 'in a word that does not end'],
  ['ENV a=<<E', 'in another instruction'],
  ['RUN <<', 'without a name'],
])('%s has no heredoc: %s', (text) => {
  expect(only(text).heredocs).toEqual([])
})

test.each([
  ['RUN <<E', 'E'],
  ['RUN cat 1<<E>x', 'E>x'],
  ['RUN << E', 'E'],
  ["RUN <<'E F'", 'E F'],
  ['RUN <<\\E', 'E'],
  ['RUN echo ${x:-a b} <<E', 'E'],
  ['ADD <<E /x', 'E'],
  ['onbuild copy --link <<E /x', 'E'],
])('%s announces %s', (text, name) => {
  const { instructions, errors } = parse(`${text}\nbody\n${name}\nRUN next\n`)
  expect(errors).toEqual([])
  expect(instructions.map(({ heredocs }) => heredocs.map((heredoc) => heredoc.name))).toEqual([[name], []])
})

test('directives are read from the first lines only, in any case', () => {
  const { directives, escape } = parse(
    '#syntax = docker/dockerfile:1 \n  #  ESCAPE=`\n# Check = skip=all\n\n# escape=x\nRUN a',
  )
  expect([...directives.values()].map(({ name, value, range }) => [name, value, show(range)])).toEqual([
    ['syntax', 'docker/dockerfile:1', '1:1-1:30'],
    ['escape', '`', '2:3-2:14'],
    ['check', 'skip=all', '3:1-3:19'],
  ])
  expect(escape).toBe('`')
})

test('a directive that is repeated is refused where it is', () => {
  const { errors } = parse('# escape=\\\n# escape=`\nRUN a')
  expect(errors.map(({ code, message, source }) => [code, message, show(source!)])).toEqual([
    ['DOCKERFILE_SYNTAX', 'Only one escape parser directive can be used', '2:1-2:11'],
  ])
})

test('comments above an instruction are kept, up to an empty one', () => {
  const [first, second] = parse('# syntax=x\n# one\n#\n# two\n\n# three\nRUN a\nRUN b').instructions
  expect(first?.comments).toEqual(['two', 'three'])
  expect(second?.comments).toEqual([])
})
