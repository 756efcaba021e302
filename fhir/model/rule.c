#include "fhir/model/rule.h"

#include "fhir/model/primitive.h"

#include <stdio.h>

#define RULE_NAMES_MAX 4
#define NAMES_BYTES 128

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

/* In the order of enum model_type_id. Left out: what depends on other resources
 * or terminologies, and that a Duration's code needs a system (qty-3, drt-1):
 * too many senders write {"value":30,"unit":"days","code":"d"}. */
static const struct rule rules[] = {
    NEEDS(Age, "age-1", "value", "code"),
    NEEDS(Age, "qty-3", "code", "system"),
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
    NEEDS(Count, "cnt-3", "value", "code"),
    NEEDS(Count, "qty-3", "code", "system"),
    ONE(CoverageEligibilityResponse_insurance_item, "ces-1", "category",
        "productOrService"),
    ONE(DataRequirement_codeFilter, "drq-1", "path", "searchParam"),
    ONE(DataRequirement_dateFilter, "drq-2", "path", "searchParam"),
    NEEDS(Distance, "dis-1", "value", "code"),
    NEEDS(Distance, "qty-3", "code", "system"),
    NEEDS(Duration, "drt-1", "code", "value"),
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
    ONE(MolecularSequence_referenceSeq, "msq-6", "genomeBuild",
        "referenceSeqId", "referenceSeqPointer", "referenceSeqString"),
    NEEDS(MolecularSequence_referenceSeq, "msq-5", "chromosome", "genomeBuild"),
    NEEDS(MolecularSequence_referenceSeq, "msq-5", "genomeBuild", "chromosome"),
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
    SOME(Ratio, "rat-1", "numerator", "denominator", "extension"),
    NEEDS(Ratio, "rat-1", "numerator", "denominator"),
    NEEDS(Ratio, "rat-1", "denominator", "numerator"),
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
static void list_names(const struct rule *rule, size_t from,
                       char out[NAMES_BYTES])
{
    size_t n = 0;

    out[0] = '\0';
    for (size_t i = from; i < RULE_NAMES_MAX && rule->names[i]; i++) {
        bool last = i + 1 == RULE_NAMES_MAX || !rule->names[i + 1];
        const char *between = i == from ? "" : last ? " or " : ", ";
        int more =
            snprintf(out + n, NAMES_BYTES - n, "%s%s", between, rule->names[i]);

        if (more < 0 || (size_t)more >= NAMES_BYTES - n)
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

/* The names behind the first from are what must or must not be there. */
static void report(struct walk *w, const struct rule *rule, size_t from,
                   const char *problem)
{
    char names[NAMES_BYTES];

    list_names(rule, from, names);
    walk_report(w, ERR_UNPROCESSABLE_INVARIANT, bytes_make(NULL, 0),
                "%s: %s%s%s%s %s", rule->key, from ? "with " : "",
                from ? rule->names[0] : "", from ? " " : "", problem, names);
}

static void judge(struct walk *w, const struct rule *rule)
{
    const struct walk_frame *f = walk_top(w);

    switch (rule->kind) {
    case RULE_NEEDS:
        if (walk_has_named(f, rule->names[0]) && count_present(f, rule, 1) == 0)
            report(w, rule, 1, "there must be");
        break;
    case RULE_EXCLUDES:
        if (walk_has_named(f, rule->names[0]) && count_present(f, rule, 1) > 0)
            report(w, rule, 1, "there must not be");
        break;
    case RULE_SOME:
        if (count_present(f, rule, 0) == 0)
            report(w, rule, 0, "there must be");
        break;
    case RULE_ONE:
        if (count_present(f, rule, 0) != 1)
            report(w, rule, 0, "there must be exactly one of");
        break;
    }
}

/* ---- rules on values ---- */

/* The string or number that a member has; {NULL, 0} without one. */
static struct bytes value_of(struct walk *w, const char *name)
{
    struct json_span span;

    if (!walk_has_named(walk_top(w), name) ||
        !walk_member(w, walk_top(w), name, &span))
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

/* sqty-1 */
static void check_quantity(struct walk *w)
{
    const struct walk_frame *f = walk_top(w);
    const struct model_type_use *use =
        f->element ? model_element_use(f->element, f->type) : NULL;

    if (use && use->simple && walk_has_named(f, "comparator"))
        walk_report(w, ERR_UNPROCESSABLE_INVARIANT, bytes_of("comparator"),
                    "sqty-1: must not be there in a SimpleQuantity");
}

/* age-1, cnt-3, dis-1, drt-1 */
static void check_measure(struct walk *w, const char *key)
{
    struct bytes system = value_of(w, "system");

    if (system.n > 0 && !bytes_is(system, "http://unitsofmeasure.org"))
        walk_report(w, ERR_UNPROCESSABLE_INVARIANT, bytes_of("system"),
                    "%s: must be http://unitsofmeasure.org", key);
}

/* trd-3 */
static void check_trigger(struct walk *w)
{
    struct bytes type = value_of(w, "type");
    const char *needed = bytes_is(type, "named-event") ? "name"
                         : bytes_is(type, "periodic")  ? "timing"
                         : bytes_starts(type, "data-") ? "data"
                                                       : NULL;

    if (needed && !walk_has_named(walk_top(w), needed))
        walk_report(w, ERR_UNPROCESSABLE_INVARIANT, bytes_of(needed),
                    "trd-3: is required for this type of trigger");
}

static bool is_coded(struct walk *w, const char *name, const char *system,
                     const char *code)
{
    struct json_span concept;
    struct json_item codings, coding, part;
    size_t position = 0;

    if (!walk_member(w, walk_top(w), name, &concept) ||
        !json_member(w->text, concept, "coding", &codings))
        return false;
    while (json_next(w->text, codings.value, &position, &coding))
        if (json_member(w->text, coding.value, "system", &part) &&
            json_string_is(w->text, part.value, system) &&
            json_member(w->text, coding.value, "code", &part) &&
            json_string_is(w->text, part.value, code))
            return true;
    return false;
}

static void refuse(struct walk *w, const char *name, const char *problem)
{
    walk_report(w, ERR_UNPROCESSABLE_INVARIANT, bytes_of(name), "%s", problem);
}

#define TERMINOLOGY "http://terminology.hl7.org/CodeSystem/"

static void check_allergy(struct walk *w)
{
    bool error = is_coded(w, "verificationStatus",
                          TERMINOLOGY "allergyintolerance-verification",
                          "entered-in-error");
    bool status = walk_has_named(walk_top(w), "clinicalStatus");

    if (!error && !status)
        refuse(w, "clinicalStatus",
               "ait-1: is required unless the verificationStatus is "
               "entered-in-error");
    if (error && status)
        refuse(w, "clinicalStatus",
               "ait-2: must not be there when the verificationStatus is "
               "entered-in-error");
}

static void check_condition(struct walk *w)
{
    static const char *const ended[] = {"resolved", "remission", "inactive"};
    bool abated = walk_has_named(walk_top(w), "abatement");

    if (walk_has_named(walk_top(w), "clinicalStatus") &&
        is_coded(w, "verificationStatus", TERMINOLOGY "condition-ver-status",
                 "entered-in-error"))
        refuse(w, "clinicalStatus",
               "con-5: must not be there when the verificationStatus is "
               "entered-in-error");
    for (size_t i = 0; abated && i < sizeof ended / sizeof *ended; i++)
        abated = !is_coded(w, "clinicalStatus",
                           TERMINOLOGY "condition-clinical", ended[i]);
    if (abated)
        refuse(w, "abatement",
               "con-4: the clinicalStatus must be resolved, remission or "
               "inactive");
}

static bool is_one_of(struct bytes text, const char *const *list)
{
    while (*list && !bytes_is(text, *list))
        list++;
    return *list != NULL;
}

static void check_appointment(struct walk *w)
{
    static const char *const open[] = {"proposed", "cancelled", "waitlist",
                                       NULL};
    static const char *const ended[] = {"no-show", "cancelled", NULL};
    const struct walk_frame *f = walk_top(w);
    struct bytes status = value_of(w, "status");

    if (!(walk_has_named(f, "start") && walk_has_named(f, "end")) &&
        !is_one_of(status, open))
        refuse(w, "start",
               "app-3: start and end are required unless the status is "
               "proposed, cancelled or waitlist");
    if (walk_has_named(f, "cancelationReason") && !is_one_of(status, ended))
        refuse(w, "cancelationReason",
               "app-4: the status must be no-show or cancelled");
}

static void check_group(struct walk *w)
{
    if (walk_has_named(walk_top(w), "member") &&
        !bytes_is(value_of(w, "actual"), "true"))
        refuse(w, "member", "grp-1: only an actual group has members");
}

static void check_linkage(struct walk *w)
{
    struct json_span items;
    struct json_item item;
    size_t position = 0, n = 0;

    if (!walk_member(w, walk_top(w), "item", &items))
        return;
    while (json_next(w->text, items, &position, &item))
        n++;
    if (n < 2)
        refuse(w, "item", "lnk-1: there must be at least two");
}

static void check_bundle(struct walk *w)
{
    static const char *const found[] = {"searchset", "history", NULL};

    if (walk_has_named(walk_top(w), "total") &&
        !is_one_of(value_of(w, "type"), found))
        refuse(w, "total", "bdl-1: only a searchset or history has a total");
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
    case MODEL_TYPE_Quantity:
        check_quantity(w);
        break;
    case MODEL_TYPE_Age:
        check_measure(w, "age-1");
        break;
    case MODEL_TYPE_Count:
        check_measure(w, "cnt-3");
        break;
    case MODEL_TYPE_Distance:
        check_measure(w, "dis-1");
        break;
    case MODEL_TYPE_Duration:
        if (walk_has_named(walk_top(w), "code"))
            check_measure(w, "drt-1");
        break;
    case MODEL_TYPE_TriggerDefinition:
        check_trigger(w);
        break;
    case MODEL_TYPE_AllergyIntolerance:
        check_allergy(w);
        break;
    case MODEL_TYPE_Condition:
        check_condition(w);
        break;
    case MODEL_TYPE_Appointment:
        check_appointment(w);
        break;
    case MODEL_TYPE_Group:
        check_group(w);
        break;
    case MODEL_TYPE_Linkage:
        check_linkage(w);
        break;
    case MODEL_TYPE_Bundle:
        check_bundle(w);
        break;
    case MODEL_TYPE_Timing_repeat:
        check_not_negative(w, "tim-4", "duration");
        check_not_negative(w, "tim-5", "period");
        break;
    default:
        break;
    }
}

/* The first rule of the type or of one behind it. */
static size_t first_of(enum model_type_id type)
{
    size_t low = 0, high = RULE_COUNT;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (rules[middle].type < type)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void rule_check(struct walk *w)
{
    enum model_type_id type = walk_top(w)->type->id;

    for (size_t i = first_of(type); i < RULE_COUNT && rules[i].type == type;
         i++)
        judge(w, &rules[i]);
    check_values(w);
}
