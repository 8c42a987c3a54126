// Serves the database that the last argument names with Supabase's own light server, and prints the address.
import { serve } from "@hono/node-server";
import { App } from "@supabase/lite";
import { createPostgresConnection } from "@supabase/lite/postgres";

const app = new App({
  connection: createPostgresConnection({ url: process.argv.at(-1) }),
  auth: { enabled: false },
  api: { schemas: ["public"], max_rows: 100_000 },
});
serve({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 }, ({ port }) => console.log(`127.0.0.1:${port}`));
