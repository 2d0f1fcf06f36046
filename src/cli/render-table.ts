/** Rows of text in columns, each as wide as its widest cell and `gap` more. The last column is not filled up. */
export function renderTable(rows: readonly (readonly string[])[], gap: number): string {
  const widths = rows.reduce<readonly number[]>(
    (widest, row) => row.map((cell, column) => Math.max(widest[column] ?? 0, cell.length)),
    [],
  )
  const lines = rows.map((row) => {
    const cells = row.map((cell, column) =>
      column === row.length - 1 ? cell : cell.padEnd((widths[column] ?? 0) + gap),
    )
    return `${cells.join('').trimEnd()}\n`
  })
  return lines.join('')
}
