#ifndef RING_RECORD_PRIVATE_H
#define RING_RECORD_PRIVATE_H

/* What the record's files share. For this room only. */

#include "ring-record.h"

/* Calibration moves a weight by a few percent; twice is more than it needs,
   and the race's integers are sized for this (ring-table.c). */
#define RING_EFFECTIVE_MAX (2 * RING_WEIGHT_MAX * RING_EFFECTIVE_UNIT)

/* Is the value fit for a record, and written in its one way? Fills the error
   with line 0. The host's node must be in the record. */
int ring_record_check_node(const struct ring_node *node,
			   struct ring_error *error);
int ring_record_check_host(const struct ring_record *record,
			   const struct ring_host *host,
			   struct ring_error *error);

/* Append; the caller takes care of the order by name and of the limits. */
void ring_record_push_node(struct ring_record *record,
			   const struct ring_node *node);
void ring_record_push_host(struct ring_record *record,
			   const struct ring_host *host);

/* The text up to the signature line. */
char *ring_record_print_body(const struct ring_record *record,
			     size_t *size_r);

#endif
