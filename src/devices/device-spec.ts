import * as z from 'zod/mini'

const edits = z.object({
  env: z.optional(z.array(z.string())),
  deviceNodes: z.optional(
    z.array(
      z.object({
        path: z.string(),
        hostPath: z.optional(z.string()),
        fileMode: z.optional(z.int()),
        uid: z.optional(z.int()),
        gid: z.optional(z.int()),
      }),
    ),
  ),
  mounts: z.optional(
    z.array(
      z.object({
        hostPath: z.string(),
        containerPath: z.string(),
        type: z.optional(z.string()),
        options: z.optional(z.array(z.string())),
      }),
    ),
  ),
  additionalGids: z.optional(z.array(z.int())),
  hooks: z.optional(z.array(z.unknown())),
  intelRdt: z.optional(z.unknown()),
  netDevices: z.optional(z.array(z.unknown())),
})

const spec = z.object({
  /** `vendor.com/class` */
  kind: z.string().check(z.regex(/^[A-Za-z][\w.-]*\/[A-Za-z][\w-]*$/)),
  devices: z.array(
    z.object({
      name: z.string().check(z.regex(/^[A-Za-z0-9][\w.:-]*$/)),
      containerEdits: z.optional(edits),
    }),
  ),
  /** For each of the devices. */
  containerEdits: z.optional(edits),
})

/** What a file in /etc/cdi says, as far as we use it.
 *  @see https://github.com/cncf-tags/container-device-interface/blob/main/SPEC.md#cdi-json-specification */
export type DeviceSpec = z.infer<typeof spec>
export type ContainerEdits = z.infer<typeof edits>

/** @throws {Error} that says what is wrong with it */
export function parseDeviceSpec(value: unknown): DeviceSpec {
  const result = spec.safeParse(value)
  if (result.success) return result.data
  throw new Error(result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '))
}
