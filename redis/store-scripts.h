#ifndef STORE_SCRIPTS_H
#define STORE_SCRIPTS_H

/* The Lua scripts as text: made from scripts/ by the build. Inputs and answers
   are in docs/redis-keys.md and on top of each file. */

extern const char store_script_claim[];
extern const char store_script_peek[];
extern const char store_script_replace[];
extern const char store_script_renew[];
extern const char store_script_release[];
extern const char store_script_ring_load[];
extern const char store_script_ring_prepare[];
extern const char store_script_ring_activate[];
extern const char store_script_ring_withdraw[];
extern const char store_script_heartbeat[];
extern const char store_script_nodes[];
extern const char store_script_node_leave[];

#endif
