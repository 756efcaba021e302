#include "fhir/model/rule.h"

#include "fhir/model/primitive.h"

#include <stdio.h>

#define RULE_NAMES_MAX 4

enum rule_kind {
    RULE_NEEDS,    /* the first is not there without the second */
    RULE_EXCLUDES, /* not the first and one of the others */
    RULE_SOME,     /* at least one of them */
    RULE_ONE       /* exactly one of them */
};

struct rule {
    enum model_type_id type;
    const char *key; /* R4's name of the constraint */
    enum rule_kind kind;
    const char *names[RULE_NAMES_MAX];
};

#define NEEDS(type, key, ...)               \
    {                                       \
        MODEL_TYPE_##type, key, RULE_NEEDS, \
        {                                   \
            __VA_ARGS__                     \
        }                                   \
    }
#define EXCLUDES(type, key, ...)               \
    {                                          \
        MODEL_TYPE_##type, key, RULE_EXCLUDES, \
        {                                      \
            __VA_ARGS__                        \
        }                                      \
    }
#define SOME(type, key, ...)               \
    {                                      \
        MODEL_TYPE_##type, key, RULE_SOME, \
        {                                  \
            __VA_ARGS__                    \
        }                                  \
    }
#define ONE(type, key, ...)               \
    {                                     \
        MODEL_TYPE_##type, key, RULE_ONE, \
        {                                 \
            __VA_ARGS__                   \
        }                                 \
    }

/* By type. Left out: what depends on other resources, on terminologies or on
 * units, and drt-1, age-1, dis-1 and cnt-3, which would refuse durations that
 * name their unit and not UCUM. */
static const struct rule rules[] = {
    NEEDS(Appointment, "app-2", "start", "end"),
    NEEDS(Appointment, "app-2", "end", "start"),
    SOME(Appointment_participant, "app-1", "type", "actor"),
    SOME(AppointmentResponse, "apr-1", "participantType", "actor"),
    NEEDS(Attachment, "att-1", "data", "contentType"),
    EXCLUDES(AuditEvent_entity, "sev-1", "name", "query"),
    SOME(Bundle_entry, "bdl-5", "resource", "request", "response"),
    SOME(CapabilityStatement, "cpb-2", "description", "software",
         "implementation"),
    SOME(CapabilityStatement, "cpb-1", "rest", "messaging", "document"),
    EXCLUDES(CarePlan_activity, "cpl-3", "detail", "reference"),
    SOME(Composition_section, "cmp-1", "text", "entry", "section"),
    EXCLUDES(Composition_section, "cmp-2", "emptyReason", "entry"),
    SOME(Condition_evidence, "con-2", "code", "detail"),
    SOME(Condition_stage, "con-1", "summary", "assessment"),
    SOME(Consent, "ppc-1", "policy", "policyRule"),
    NEEDS(ContactPoint, "cpt-2", "value", "system"),
    ONE(CoverageEligibilityResponse_insurance_item, "ces-1", "category",
        "productOrService"),
    ONE(DataRequirement_codeFilter, "drq-1", "path", "searchParam"),
    ONE(DataRequirement_dateFilter, "drq-2", "path", "searchParam"),
    EXCLUDES(ElementDefinition, "eld-5", "contentReference", "type",
             "defaultValue", "fixed"),
    EXCLUDES(ElementDefinition, "eld-8", "pattern", "fixed"),
    EXCLUDES(ElementDefinition, "eld-15", "defaultValue", "meaningWhenMissing"),
    SOME(ElementDefinition_slicing, "eld-1", "discriminator", "description"),
    SOME(Expression, "exp-1", "expression", "reference"),
    ONE(Extension, "ext-1", "extension", "value"),
    EXCLUDES(FamilyMemberHistory, "fhs-1", "age", "born"),
    NEEDS(FamilyMemberHistory, "fhs-2", "estimatedAge", "age"),
    NEEDS(Goal_target, "gol-1", "detail", "measure"),
    SOME(Immunization_education, "imm-1", "documentType", "reference"),
    SOME(ImmunizationRecommendation_recommendation, "imr-1", "vaccineCode",
         "targetDisease"),
    SOME(InsurancePlan, "ipn-1", "identifier", "name"),
    EXCLUDES(List, "lst-1", "emptyReason", "entry"),
    SOME(MedicationAdministration_dosage, "mad-1", "dose", "rate"),
    EXCLUDES(Observation, "obs-6", "dataAbsentReason", "value"),
    SOME(Observation_referenceRange, "obs-3", "low", "high", "text"),
    SOME(OperationDefinition_parameter, "opd-1", "type", "part"),
    SOME(Organization, "org-1", "identifier", "name"),
    ONE(Parameters_parameter, "inv-1", "value", "resource", "part"),
    SOME(Patient_contact, "pat-1", "name", "telecom", "address",
         "organization"),
    NEEDS(Quantity, "qty-3", "code", "system"),
    EXCLUDES(Questionnaire_item, "que-4", "answerOption", "answerValueSet"),
    EXCLUDES(Questionnaire_item, "que-11", "answerOption", "initial"),
    EXCLUDES(QuestionnaireResponse_item, "qrs-1", "answer", "item"),
    NEEDS(Ratio, "rat-1", "numerator", "denominator"),
    NEEDS(Ratio, "rat-1", "denominator", "numerator"),
    SOME(Ratio, "rat-1", "numerator", "extension"),
    ONE(RequestGroup_action, "rqg-1", "resource", "action"),
    NEEDS(SearchParameter, "spd-1", "xpath", "xpathUsage"),
    NEEDS(ServiceRequest, "prr-1", "orderDetail", "code"),
    SOME(StructureDefinition, "sdf-6", "snapshot", "differential"),
    SOME(StructureDefinition_mapping, "sdf-2", "name", "uri"),
    NEEDS(StructureMap_group_rule_target, "smp-1", "element", "context"),
    NEEDS(StructureMap_group_rule_target, "smp-2", "context", "contextType"),
    ONE(TestReport_setup_action, "inv-1", "operation", "assert"),
    ONE(TestReport_test_action, "inv-2", "operation", "assert"),
    ONE(TestScript_setup_action, "tst-1", "operation", "assert"),
    ONE(TestScript_test_action, "tst-2", "operation", "assert"),
    NEEDS(Timing_repeat, "tim-1", "duration", "durationUnit"),
    NEEDS(Timing_repeat, "tim-2", "period", "periodUnit"),
    NEEDS(Timing_repeat, "tim-6", "periodMax", "period"),
    NEEDS(Timing_repeat, "tim-7", "durationMax", "duration"),
    NEEDS(Timing_repeat, "tim-8", "countMax", "count"),
    NEEDS(Timing_repeat, "tim-9", "offset", "when"),
    EXCLUDES(Timing_repeat, "tim-10", "timeOfDay", "when"),
    EXCLUDES(TriggerDefinition, "trd-1", "data", "timing"),
    NEEDS(TriggerDefinition, "trd-2", "condition", "data"),
    EXCLUDES(ValueSet_compose_include, "vsd-3", "concept", "filter"),
    NEEDS(ValueSet_compose_include, "vsd-2", "concept", "system"),
    NEEDS(ValueSet_compose_include, "vsd-2", "filter", "system"),
    SOME(ValueSet_compose_include, "vsd-1", "valueSet", "system"),
    SOME(ValueSet_expansion_contains, "vsd-6", "code", "display"),
    NEEDS(ValueSet_expansion_contains, "vsd-10", "code", "system"),
};

#define RULE_COUNT (sizeof rules / sizeof *rules)

/* "a, b or c" */
static void list_names(const struct rule *rule, size_t from, char out[128])
{
    size_t n = 0;

    out[0] = '\0';
    for (size_t i = from; i < RULE_NAMES_MAX && rule->names[i]; i++) {
        bool last = i + 1 == RULE_NAMES_MAX || !rule->names[i + 1];
        const char *between = i == from ? "" : last ? " or " : ", ";
        int more = snprintf(out + n, 128 - n, "%s%s", between, rule->names[i]);

        if (more < 0 || (size_t)more >= 128 - n)
            return;
        n += (size_t)more;
    }
}

static size_t count_present(const struct walk_frame *f, const struct rule *rule,
                            size_t from)
{
    size_t n = 0;

    for (size_t i = from; i < RULE_NAMES_MAX && rule->names[i]; i++)
        n += walk_has_named(f, rule->names[i]);
    return n;
}

static void judge(struct walk *w, const struct rule *rule)
{
    const struct walk_frame *f = walk_top(w);
    bool first = walk_has_named(f, rule->names[0]);
    struct bytes at = bytes_make(NULL, 0);
    char names[128];

    list_names(rule, rule->kind == RULE_EXCLUDES, names);
    switch (rule->kind) {
    case RULE_NEEDS:
        if (first && count_present(f, rule, 1) == 0)
            walk_report(w, ERR_UNPROCESSABLE_INVARIANT, at,
                        "%s: with %s there must be %s", rule->key,
                        rule->names[0], rule->names[1]);
        break;
    case RULE_EXCLUDES:
        if (first && count_present(f, rule, 1) > 0)
            walk_report(w, ERR_UNPROCESSABLE_INVARIANT, at,
                        "%s: with %s there must not be %s", rule->key,
                        rule->names[0], names);
        break;
    case RULE_SOME:
        if (count_present(f, rule, 0) == 0)
            walk_report(w, ERR_UNPROCESSABLE_INVARIANT, at,
                        "%s: there must be %s", rule->key, names);
        break;
    case RULE_ONE:
        if (count_present(f, rule, 0) != 1)
            walk_report(w, ERR_UNPROCESSABLE_INVARIANT, at,
                        "%s: there must be exactly one of %s", rule->key,
                        names);
        break;
    }
}

/* ---- rules on values ---- */

/* The string or number that a member has; {NULL, 0} without one. */
static struct bytes value_of(struct walk *w, const char *name)
{
    struct json_span span;

    if (!walk_member(w, walk_top(w), name, &span))
        return bytes_make(NULL, 0);
    if (w->text.p[span.begin] == '"')
        return walk_string(w, span);
    return json_text(w->text, span);
}

/* per-1, inv-1 of Task, mdd-1: the first is not after the second. */
static void check_order(struct walk *w, const char *key, const char *first,
                        const char *second)
{
    struct bytes a = value_of(w, first), b = value_of(w, second);
    int order = 0;

    if (a.n > 0 && b.n > 0 && primitive_time_order(a, b, &order) && order > 0)
        walk_report(w, ERR_UNPROCESSABLE_INVARIANT, bytes_of(second),
                    "%s: must not be before %s", key, first);
}

static void check_not_negative(struct walk *w, const char *key,
                               const char *name)
{
    struct bytes value = value_of(w, name);

    if (bytes_starts(value, "-") && !bytes_is(value, "-0"))
        walk_report(w, ERR_UNPROCESSABLE_INVARIANT, bytes_of(name),
                    "%s: must not be below 0", key);
}

static void check_values(struct walk *w)
{
    switch ((int)walk_top(w)->type->id) {
    case MODEL_TYPE_Period:
        check_order(w, "per-1", "start", "end");
        break;
    case MODEL_TYPE_Task:
        check_order(w, "inv-1", "authoredOn", "lastModified");
        break;
    case MODEL_TYPE_MedicationDispense:
        check_order(w, "mdd-1", "whenPrepared", "whenHandedOver");
        break;
    case MODEL_TYPE_Timing_repeat:
        check_not_negative(w, "tim-4", "duration");
        check_not_negative(w, "tim-5", "period");
        break;
    default:
        break;
    }
}

void rule_check(struct walk *w)
{
    enum model_type_id type = walk_top(w)->type->id;

    for (size_t i = 0; i < RULE_COUNT; i++)
        if (rules[i].type == type)
            judge(w, &rules[i]);
    check_values(w);
}
