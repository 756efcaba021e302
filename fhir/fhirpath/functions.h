/* functions: what the table of function.c names; each file has an area.
 * Owns:   nothing.
 * Thread: one at a time. */
#ifndef BELFRY_FHIR_FHIRPATH_FUNCTIONS_H
#define BELFRY_FHIR_FHIRPATH_FUNCTIONS_H

#include "fhir/fhirpath/eval.h"

/* set_functions.c: existence, subsetting, combining */
function_run function_all_false;
function_run function_all_true;
function_run function_any_false;
function_run function_any_true;
function_run function_combine;
function_run function_count;
function_run function_distinct;
function_run function_empty;
function_run function_exclude;
function_run function_first;
function_run function_intersect;
function_run function_is_distinct;
function_run function_last;
function_run function_not;
function_run function_single;
function_run function_skip;
function_run function_subset_of;
function_run function_superset_of;
function_run function_tail;
function_run function_take;
function_run function_union;

/* item_functions.c: those whose arguments see each item */
function_run function_aggregate;
function_run function_all;
function_run function_children;
function_run function_coalesce;
function_run function_define_variable;
function_run function_descendants;
function_run function_exists;
function_run function_iif;
function_run function_repeat;
function_run function_repeat_all;
function_run function_select;
function_run function_sort;
function_run function_trace;
function_run function_where;

/* string_functions.c */
function_run function_contains;
function_run function_ends_with;
function_run function_index_of;
function_run function_join;
function_run function_last_index_of;
function_run function_length;
function_run function_lower;
function_run function_replace;
function_run function_split;
function_run function_starts_with;
function_run function_substring;
function_run function_to_chars;
function_run function_trim;
function_run function_upper;

/* pattern_functions.c: regular expressions */
function_run function_matches;
function_run function_matches_full;
function_run function_replace_matches;

/* code_functions.c: encodings */
function_run function_decode;
function_run function_encode;
function_run function_escape;
function_run function_unescape;

/* math_functions.c */
function_run function_abs;
function_run function_avg;
function_run function_ceiling;
function_run function_exp;
function_run function_floor;
function_run function_ln;
function_run function_log;
function_run function_max;
function_run function_min;
function_run function_power;
function_run function_round;
function_run function_sqrt;
function_run function_sum;
function_run function_truncate;

/* conversion_functions.c */
function_run function_converts_to_boolean;
function_run function_converts_to_date;
function_run function_converts_to_date_time;
function_run function_converts_to_decimal;
function_run function_converts_to_integer;
function_run function_converts_to_quantity;
function_run function_converts_to_string;
function_run function_converts_to_time;
function_run function_to_boolean;
function_run function_to_date;
function_run function_to_date_time;
function_run function_to_decimal;
function_run function_to_integer;
function_run function_to_quantity;
function_run function_to_string;
function_run function_to_time;

/* moment_functions.c: dates and times, boundaries and precision */
function_run function_comparable;
function_run function_date_of;
function_run function_day_of;
function_run function_high_boundary;
function_run function_hour_of;
function_run function_low_boundary;
function_run function_millisecond_of;
function_run function_minute_of;
function_run function_month_of;
function_run function_now;
function_run function_precision;
function_run function_second_of;
function_run function_time_of;
function_run function_time_of_day;
function_run function_timezone_offset_of;
function_run function_today;
function_run function_year_of;

/* fhir_functions.c: types, and what R4 adds */
function_run function_as;
function_run function_conforms_to;
function_run function_extension;
function_run function_get_value;
function_run function_has_value;
function_run function_html_checks;
function_run function_is;
function_run function_member_of;
function_run function_of_type;
function_run function_resolve;
function_run function_type;

#endif
