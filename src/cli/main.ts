import { Command, CommanderError } from 'commander'
import { BuildError } from '../../core/errors.ts'
import { version } from '../version.ts'
import { addBuildCommand } from './build-command.ts'
import { exitCodeOf, exitCodes } from './exit-code.ts'
import { renderError } from './render-error.ts'
import type { Terminal } from './terminal.ts'

/** Resolves to the exit code. Throws only for bugs.
 *  @param argv without the names of Node and of the script */
export async function main(argv: readonly string[], terminal: Terminal): Promise<number> {
  let exitCode: number = exitCodes.done
  const program = commandLine(terminal, (code) => (exitCode = code))
  try {
    await program.parseAsync(argv, { from: 'user' })
    return exitCode
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage
    if (!(error instanceof BuildError)) throw error
    terminal.stderr.write(renderError(error))
    return exitCodeOf(error)
  }
}

function commandLine(terminal: Terminal, setExitCode: (code: number) => void): Command {
  const program = new Command('stave')
    .description('Builds layered OCI images from Dockerfiles, without a daemon and without Docker')
    .version(version, '-v, --version')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.stdout.write(text),
      writeErr: (text) => terminal.stderr.write(text),
    })
    .showHelpAfterError('Run "stave build --help" for the options.')
  addBuildCommand(program, terminal, setExitCode)
  program
    .command('images')
    .description('list the images in the local store')
    .option('--root <dir>', 'folder of the store')
    .action(async (options: { readonly root?: string }) => {
      const { listImages } = await import('./images-command.ts')
      await listImages(options.root, terminal)
    })
  program
    .command('inspect')
    .description('print the manifest and the config of an image in the local store, as JSON')
    .argument('<ref>', 'name or digest of the image')
    .option('--root <dir>', 'folder of the store')
    .action(async (reference: string, options: { readonly root?: string }) => {
      const { inspectImage } = await import('./images-command.ts')
      await inspectImage(reference, options.root, terminal)
    })
  program
    .command('rmi')
    .description('remove names of images from the local store')
    .argument('<ref...>', 'names of images')
    .option('--root <dir>', 'folder of the store')
    .action(async (references: readonly string[], options: { readonly root?: string }) => {
      const { removeImages } = await import('./images-command.ts')
      await removeImages(references, options.root, terminal)
    })
  return program
}
