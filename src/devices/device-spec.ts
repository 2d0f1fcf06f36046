import { z } from 'zod'

const edits = z.object({
  env: z.array(z.string()).optional(),
  deviceNodes: z
    .array(
      z.object({
        path: z.string(),
        hostPath: z.string().optional(),
        fileMode: z.int().optional(),
        uid: z.int().optional(),
        gid: z.int().optional(),
      }),
    )
    .optional(),
  mounts: z
    .array(
      z.object({
        hostPath: z.string(),
        containerPath: z.string(),
        type: z.string().optional(),
        options: z.array(z.string()).optional(),
      }),
    )
    .optional(),
  additionalGids: z.array(z.int()).optional(),
  hooks: z.array(z.unknown()).optional(),
  intelRdt: z.unknown().optional(),
  netDevices: z.array(z.unknown()).optional(),
})

const spec = z.object({
  /** `vendor.com/class` */
  kind: z.string().regex(/^[A-Za-z][\w.-]*\/[A-Za-z][\w-]*$/),
  devices: z.array(z.object({ name: z.string().regex(/^[A-Za-z0-9][\w.:-]*$/), containerEdits: edits.optional() })),
  /** For each of the devices. */
  containerEdits: edits.optional(),
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
