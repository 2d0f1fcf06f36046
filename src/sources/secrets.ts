/** The value of the user's secret of this name, without the line break at its end. `undefined`: there is none. */
export type FindSecret = (id: string) => Promise<string | undefined>
