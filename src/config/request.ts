import type { LayerCompressionType } from '../../core/layer-compression.ts'
import type { IsolationName } from '../../executor/index.ts'

/** What to build. Everything but `context` has a default. Unknown members are refused. */
export interface BuildRequest {
  /** What COPY and ADD take files from: the path of a folder; the address of a git repository, or of an archive or a Dockerfile on a web server; the bytes of an
   *  archive or a Dockerfile, or `-` for those of standard input. */
  readonly context: string | AsyncIterable<Uint8Array>
  /** Where the Dockerfile is: a path, of the context if that is not a folder; a URL; `-` for standard input. By default `Dockerfile`, else `dockerfile`, in
   *  the context. */
  readonly file?: string | undefined
  /** Names for the image: `app`, `registry.example/app:1`. */
  readonly tags?: readonly string[] | undefined
  readonly buildArgs?: Readonly<Record<string, string>> | undefined
  /** Name or number of the stage to build; by default the last one. */
  readonly target?: string | undefined
  readonly labels?: Readonly<Record<string, string>> | undefined
  /** Carry every step out, whatever is recorded. What is built is recorded all the same. */
  readonly noCache?: boolean | undefined
  /** Stages whose steps are carried out, whatever is recorded. */
  readonly noCacheFilter?: readonly string[] | undefined
  /** Ask the registry what a tag is now, though the local store has an image of that name. */
  readonly pull?: boolean | undefined
  /** For RUN instructions that say nothing else. `default` is the machine's own network, as with BuildKit where nothing is set up. */
  readonly network?: 'default' | 'none' | 'host' | undefined
  /** What RUN instructions may ask for beyond the ordinary: `network.host`, `security.insecure`, `device`, `device=NAME`. */
  readonly allow?: readonly string[] | undefined
  /** Lines for /etc/hosts of RUN instructions. The address `host-gateway` stands for this machine. */
  readonly extraHosts?: readonly { readonly host: string; readonly address: string }[] | undefined
  /** Size of /dev/shm for RUN instructions; by default 64 MiB. */
  readonly shmSizeBytes?: number | undefined
  /** Limits of RUN instructions' processes by the names of setrlimit(2): `nofile`. -1 is no limit; the hard one is the soft one by default. */
  readonly ulimits?: Readonly<Record<string, { readonly soft: number; readonly hard?: number | undefined }>> | undefined
  /** Path of the control group that those of RUN instructions are made below: its limits hold for them. */
  readonly cgroupParent?: string | undefined
  /** Secrets for `RUN --mount=type=secret`, by id. At most 500 KiB each. None of them enters the image, the store, a key or an event. */
  readonly secrets?: Readonly<Record<string, SecretRequest>> | undefined
  /** Agents for `RUN --mount=type=ssh`, by id: `default` is what an instruction without an id has. */
  readonly ssh?: Readonly<Record<string, SshRequest>> | undefined
  /** By default one: the image, in the local store. */
  readonly outputs?: readonly OutputRequest[] | undefined
  /** `os/architecture[/variant]`, or `local`; by default this machine's. With several, an image for each is built, and an index of them. */
  readonly platform?: string | readonly string[] | undefined
  readonly annotations?: readonly AnnotationRequest[] | undefined
  readonly isolation?: 'auto' | IsolationName | undefined
  /** Folder of the store; by default `$STAVE_HOME`, else `/var/lib/stave` for root and `$XDG_DATA_HOME/stave` for others. */
  readonly root?: string | undefined
  /** What stands in for stages, images and `--from` of these names: a folder's path, `oci-layout://PATH[:TAG]`, `docker-image://REFERENCE`, the address of a
   *  git repository or of a file. `NAME::PLATFORM` is for one platform. */
  readonly buildContexts?: Readonly<Record<string, string>> | undefined
}

/** Where an annotation is written: the manifest, or the index, of the image; or the descriptor that an index, or an OCI layout, has of it. */
export type AnnotationPlace = 'manifest' | 'index' | 'manifest-descriptor' | 'index-descriptor'

/** @see https://github.com/opencontainers/image-spec/blob/main/annotations.md */
export interface AnnotationRequest {
  readonly key: string
  readonly value: string
  /** By default the manifest. */
  readonly place?: AnnotationPlace | undefined
  /** For `manifest` and `manifest-descriptor`: of this platform only. */
  readonly platform?: string | undefined
}
/** Where a secret comes from: a file, a variable of the environment, or here. */
export type SecretRequest =
  { readonly file: string } | { readonly env: string } | { readonly value: string | Uint8Array }

/** An agent that runs already, by default that of `SSH_AUTH_SOCK`; or files of keys without a passphrase, for an agent of this build's own. */
export type SshRequest = { readonly socket?: string | undefined } | { readonly keys: readonly string[] }

export type OutputType = 'image' | 'registry' | 'oci' | 'docker' | 'local' | 'tar'

/** One place that the result goes to. */
export interface OutputRequest {
  readonly type: OutputType
  /** File or folder; `-` is standard output. Not for `image` and `registry`. */
  readonly dest?: string | undefined
  /** Names of the image, instead of the request's tags. */
  readonly name?: readonly string[] | undefined
  /** `image` only: push it too. */
  readonly push?: boolean | undefined
  /** `oci` and `docker` only: one archive (the default), or a folder. */
  readonly tar?: boolean | undefined
  /** How layers are stored, but for those of base images; by default `gzip`. Not for `local` and `tar`. */
  readonly compression?: LayerCompressionType | undefined
  /** 0 to 9 for `gzip`, by default 6; 0 to 22 for `zstd`, by default 3. */
  readonly compressionLevel?: number | undefined
  /** Store the layers of base images so too: they are pulled for this. */
  readonly forceCompression?: boolean | undefined
}
