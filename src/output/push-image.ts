export const pushImage = async (..._: unknown[]): Promise<void> => {}
