/** Machine code that starts a process and carries out system calls in it: `long run(struct program *)`.
 *
 *  The new process shares this one's memory until it executes a program or ends, and this thread waits for that (CLONE_VM and CLONE_VFORK of
 *  clone(2)). So nothing is copied, which is what makes fork(2) of a large process slow, and no function of the C library or of V8 may be called in there:
 *  both would find locks and threads of a process that they are not in. What may be done is what these instructions do. They use no stack.
 *
 *  `struct program`: the flags for clone(2), the address of the first call, and, as answers, the address of the call that failed and what it
 *  returned; a word each. A call is 16 words:
 *
 *      0      number of the system call
 *      1      address of the word that takes what it returns
 *      2-7    addresses of its arguments
 *      8      not zero: go on when it fails
 *      9-14   arguments, for those that are known beforehand
 *      15     what it returned
 *
 *  The last call is execve(2), which does not come back. When a call fails, the new process ends with status 127.
 *  @returns the id of the process, or what clone(2) refused it with, below zero */
const x64 = `
  53               push rbx
  48 89 fb         mov  rbx, rdi
  48 8b 3b         mov  rdi, [rbx]          ; flags
  31 f6            xor  esi, esi
  31 d2            xor  edx, edx
  45 31 d2         xor  r10d, r10d
  45 31 c0         xor  r8d, r8d
  b8 38 00 00 00   mov  eax, 56             ; clone
  0f 05            syscall
  48 85 c0         test rax, rax
  75 7b            jne  parent
  4c 8b 63 08      mov  r12, [rbx+8]        ; the first call
  49 8b 04 24      next: mov rax, [r12]     ; its number
  4d 8b 6c 24 10   mov  r13, [r12+16]
  49 8b 7d 00      mov  rdi, [r13]
  4d 8b 6c 24 18   mov  r13, [r12+24]
  49 8b 75 00      mov  rsi, [r13]
  4d 8b 6c 24 20   mov  r13, [r12+32]
  49 8b 55 00      mov  rdx, [r13]
  4d 8b 6c 24 28   mov  r13, [r12+40]
  4d 8b 55 00      mov  r10, [r13]
  4d 8b 6c 24 30   mov  r13, [r12+48]
  4d 8b 45 00      mov  r8, [r13]
  4d 8b 6c 24 38   mov  r13, [r12+56]
  4d 8b 4d 00      mov  r9, [r13]
  0f 05            syscall
  4d 8b 6c 24 08   mov  r13, [r12+8]
  49 89 45 00      mov  [r13], rax          ; what it returned
  49 81 c4 80 00 00 00  add r12, 128
  48 3d 01 f0 ff ff  cmp rax, -4095         ; from there on it is an error
  72 ac            jb   next
  49 83 7c 24 c0 00  cmp qword [r12-64], 0
  75 a4            jne  next
  49 81 ec 80 00 00 00  sub r12, 128
  4c 89 63 10      mov  [rbx+16], r12       ; the call that failed
  48 89 43 18      mov  [rbx+24], rax
  bf 7f 00 00 00   mov  edi, 127
  b8 e7 00 00 00   mov  eax, 231            ; exit_group
  0f 05            syscall
  5b               parent: pop rbx
  c3               ret
`

/** The same. Every instruction is a little-endian word. */
const arm64 = `
  e9 03 00 aa   mov  x9, x0
  20 01 40 f9   ldr  x0, [x9]               ; flags
  e1 03 1f aa   mov  x1, xzr
  e2 03 1f aa   mov  x2, xzr
  e3 03 1f aa   mov  x3, xzr
  e4 03 1f aa   mov  x4, xzr
  88 1b 80 d2   mov  x8, #220               ; clone
  01 00 00 d4   svc  #0
  a0 03 00 b5   cbnz x0, parent
  2a 05 40 f9   ldr  x10, [x9, #8]          ; the first call
  48 01 40 f9   next: ldr x8, [x10]         ; its number
  4b 09 40 f9   ldr  x11, [x10, #16]
  60 01 40 f9   ldr  x0, [x11]
  4b 0d 40 f9   ldr  x11, [x10, #24]
  61 01 40 f9   ldr  x1, [x11]
  4b 11 40 f9   ldr  x11, [x10, #32]
  62 01 40 f9   ldr  x2, [x11]
  4b 15 40 f9   ldr  x11, [x10, #40]
  63 01 40 f9   ldr  x3, [x11]
  4b 19 40 f9   ldr  x11, [x10, #48]
  64 01 40 f9   ldr  x4, [x11]
  4b 1d 40 f9   ldr  x11, [x10, #56]
  65 01 40 f9   ldr  x5, [x11]
  01 00 00 d4   svc  #0
  4b 05 40 f9   ldr  x11, [x10, #8]
  60 01 00 f9   str  x0, [x11]              ; what it returned
  4a 01 02 91   add  x10, x10, #128
  1f fc 3f b1   cmn  x0, #4095              ; from -4095 on it is an error
  c3 fd ff 54   b.lo next
  4b 01 5c f8   ldur x11, [x10, #-64]
  8b fd ff b5   cbnz x11, next
  4a 01 02 d1   sub  x10, x10, #128
  2a 09 00 f9   str  x10, [x9, #16]         ; the call that failed
  20 0d 00 f9   str  x0, [x9, #24]
  e0 0f 80 d2   mov  x0, #127
  c8 0b 80 d2   mov  x8, #94                ; exit_group
  01 00 00 d4   svc  #0
  c0 03 5f d6   parent: ret
`

const listings: Readonly<Record<string, string>> = { x64, arm64 }

/** `undefined` for a processor that there is no code for. */
export function entryCodeFor(architecture: string): Uint8Array | undefined {
  const listing = listings[architecture]
  if (listing === undefined) return undefined
  const lines = listing.split('\n').map((line) => /^ *((?:[0-9a-f]{2} )+)/.exec(line)?.[1] ?? '')
  return Buffer.from(lines.join('').replaceAll(' ', ''), 'hex')
}
