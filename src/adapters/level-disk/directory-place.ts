/**
 * Tells the directory of a database from a copy of it: a restored backup, or a directory that was copied to another
 * machine. Then the directory that was copied may still be in use elsewhere.
 *
 * A small file in the directory names its own inode and its own time of birth. A copy of the file has the same text, and
 * another inode or another time of birth. A snapshot of the whole file system cannot be told from the original.
 *
 * A directory without the file, because of an older version, a full disk, or a file system whose inodes may have other
 * numbers after a restart, passes for an original. Else a power failure would make copies of all directories at once.
 */
import { type FileHandle, open, readFile, rm, stat, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const FILE = 'place'
/** From the moment a copy is found until the node has stored what follows from it. */
const MARK = 'COPIED'
/** The types of file systems on a machine's own disks, and of those that containers see instead (statfs(2)). */
const KEEPS_INODES: ReadonlySet<number> = new Set([
  0xef53, // ext4
  0x58465342, // XFS
  0x9123683e, // Btrfs
  0x2fc12fc1, // ZFS
  0xf2f52010, // F2FS
  0x01021994, // tmpfs
  0x794c7630, // overlayfs
])

/** Whether the directory is a copy, or was found to be one and not yet forgotten. Rejects with what the disk says. */
export async function isCopiedDirectory(directory: string): Promise<boolean> {
  if ((await textOf(directory, MARK)) !== undefined) return true
  const noted = await textOf(directory, FILE)
  if (noted === undefined || !(await keepsInodes(directory))) return false
  const { ino, birthtimeNs } = await stat(join(directory, FILE), { bigint: true })
  const [notedIno = '', notedBirth = ''] = noted.split(' ')
  // A crash may have left the file empty, or without the time of birth, which some file systems do not know anyway.
  const isInodeHere = notedIno === '' || notedIno === String(ino)
  const isBornThen = ['', '0', String(birthtimeNs)].includes(notedBirth)
  if (isInodeHere && isBornThen) return false
  await writeFile(join(directory, MARK), 'This directory is a copy of another one.\n', {
    flush: true,
  })
  return true
}

/** From now on the directory is the original of its copies. */
export async function noteOriginal(directory: string): Promise<void> {
  if (!(await keepsInodes(directory))) return
  const isCopy = (await textOf(directory, MARK)) !== undefined
  if (!isCopy && (await textOf(directory, FILE)) !== undefined) return
  let file: FileHandle | undefined
  try {
    // A new inode: the old file may be a hard link into the directory that was copied.
    await rm(join(directory, FILE), { force: true })
    file = await open(join(directory, FILE), 'wx')
    const before = await file.stat({ bigint: true })
    await file.write(`${before.ino} `)
    const after = await file.stat({ bigint: true })
    // Where the time of birth is not known, the time of the last change may be told instead.
    const isKnown = before.birthtimeNs === after.birthtimeNs
    await file.write(isKnown ? String(before.birthtimeNs) : '0')
    await file.sync()
  } catch {
    await rm(join(directory, FILE), { force: true })
  } finally {
    await file?.close()
  }
}

export async function forgetCopy(directory: string): Promise<void> {
  await rm(join(directory, MARK), { force: true })
}

async function keepsInodes(directory: string): Promise<boolean> {
  return KEEPS_INODES.has((await statfs(directory)).type)
}

async function textOf(directory: string, name: string): Promise<string | undefined> {
  try {
    return await readFile(join(directory, name), 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
