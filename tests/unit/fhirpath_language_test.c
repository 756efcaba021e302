#include "tests/unit/fhirpath_table.h"

static const char patient[] =
    "{\"resourceType\":\"Patient\",\"id\":\"p\",\"active\":true,"
    "\"name\":[{\"use\":\"official\",\"family\":\"Chalmers\","
    "\"given\":[\"Peter\",\"James\"]},{\"use\":\"usual\",\"given\":[\"Jim\"]}],"
    "\"birthDate\":\"1974-12-25\",\"multipleBirthInteger\":2,"
    "\"contact\":[{\"gender\":\"female\"}],"
    "\"extension\":[{\"url\":\"u\",\"valueDecimal\":1.10}]}";

static void literals_are_what_they_say(void **state)
{
    static const struct expectation cases[] = {
        {"'a\\'b\\\\\\u0041\\t'", "string:a'b\\A\t"},
        {"'\\uD83D\\uDD25'", "string:\xF0\x9F\x94\xA5"},
        {"'\\uD83D'", "refused"},
        {"'\\x'", "refused"},
        {"'open", "refused"},
        {"1.10", "decimal:1.10"},
        {"0.0", "decimal:0.0"},
        {"2147483647", "integer:2147483647"},
        {"2147483648", "decimal:2147483648"},
        {"123456789012345678901234567890.12",
         "decimal:123456789012345678901234567890.12"},
        {"@2015", "date:@2015"},
        {"@2015-02-29", "refused"},
        {"@2016-02-29", "date:@2016-02-29"},
        {"@2015T", "dateTime:@2015"},
        {"@2015-02-04T14", "dateTime:@2015-02-04T14"},
        {"@2015-02-04T14:34:28.123+10:00",
         "dateTime:@2015-02-04T14:34:28.123+10:00"},
        {"@2015-02-04T14:34Z", "dateTime:@2015-02-04T14:34Z"},
        {"@T14:34", "time:@T14:34"},
        {"@T25:00", "refused"},
        {"@T10:00Z", "refused"},
        {"4 days", "Quantity:4 days"},
        {"4.0 'mg'", "Quantity:4.0 'mg'"},
        {"{}", ""},
        {"true", "boolean:true"},
    };

    (void)state;
    CHECK(NULL, cases);
}

static void comments_and_space_are_skipped(void **state)
{
    static const struct expectation cases[] = {
        {"1 // one\n+ /* and\n two */ 2", "integer:3"},
        {"/* 1 */ 2 // 3", "integer:2"},
        {"1 /* open", "refused"},
        {"1 /", "refused"},
        {"", "refused"},
        {"1 2", "refused"},
        {"(1", "refused"},
        {"1)", "refused"},
        {"{1}", "refused"},
        {"#", "refused"},
        {"'\xFF'", "refused"},
        {"'a'.matches('\xC3')", "refused"},
    };

    (void)state;
    CHECK(NULL, cases);
}

static void operators_bind_as_the_specification_has_it(void **state)
{
    static const struct expectation cases[] = {
        {"1 + 2 * 3 + 4", "integer:11"},
        {"(1 + 2) * 3", "integer:9"},
        {"10 - 2 - 3", "integer:5"},
        {"-1 + 2", "integer:1"},
        {"-1.convertsToInteger()", "failed"},
        {"-(1 | 2)", "failed"},
        {"1 > 2 is Boolean", "failed"},
        {"1 | 1 is Integer", "integer:1,boolean:true"},
        {"true or false and false", "boolean:true"},
        {"false implies true and false", "boolean:true"},
        {"1 + 1 = 2 and 2 in (1 | 2)", "boolean:true"},
        {"2 div 2 * 3", "integer:3"},
    };

    (void)state;
    CHECK(NULL, cases);
}

static void logic_has_three_values(void **state)
{
    static const struct expectation cases[] = {
        {"true and {}", ""},
        {"false and {}", "boolean:false"},
        {"{} and false", "boolean:false"},
        {"{} or true", "boolean:true"},
        {"{} or false", ""},
        {"true xor {}", ""},
        {"true xor false", "boolean:true"},
        {"{} implies true", "boolean:true"},
        {"{} implies false", ""},
        {"true implies {}", ""},
        {"false implies {}", "boolean:true"},
        {"{}.not()", ""},
        {"0.not()", "boolean:false"},
        {"'a' and true", "boolean:true"},
        {"(true | false) and true", "failed"},
    };

    (void)state;
    CHECK(NULL, cases);
}

static void numbers_are_exact(void **state)
{
    static const struct expectation cases[] = {
        {"0.1 + 0.2 = 0.3", "boolean:true"},
        {"1.2 * 1.8", "decimal:2.16"},
        {"1 / 3", "decimal:0.3333333333333333333333333333"},
        {"4 / 2", "decimal:2"},
        {"1 / 0", ""},
        {"1 div 0", ""},
        {"1 mod 0", ""},
        {"5 div 2", "integer:2"},
        {"-5 div 2", "integer:-2"},
        {"-5 mod 2", "integer:-1"},
        {"5.5 mod 0.7", "decimal:0.6"},
        {"2147483647 + 1", ""},
        {"(-2147483647 - 1).abs()", ""},
        {"1.10 = 1.1", "boolean:true"},
        {"1.0 < 2", "boolean:true"},
        {"1 + 'a'", "failed"},
        {"'a' - 'b'", "failed"},
        {"'a' + 'b'", "string:ab"},
        {"'a' + {}", ""},
        {"'a' & {}", "string:a"},
        {"(1 | 2) + 1", "failed"},
    };

    (void)state;
    CHECK(NULL, cases);
}

static void dates_know_their_precision(void **state)
{
    static const struct expectation cases[] = {
        {"@2012 = @2012-01", ""},
        {"@2012 = @2013-01", "boolean:false"},
        {"@2012-01-01T10:30:31.0 = @2012-01-01T10:30:31", "boolean:true"},
        {"@2018-03 < @2018-03-01", ""},
        {"@T10 < @T10:30", ""},
        {"@T10 < @T11:30", "boolean:true"},
        {"@2018-01-01T16:00:00+12:00 < @2018-01-01T15:00:00.0+10:00",
         "boolean:true"},
        {"@2012-04-15T15:00:00Z = @2012-04-15T10:00:00", ""},
        {"@2012-04-15T15:00:00Z > @2012-04-13T10:00:00", "boolean:true"},
        {"@2012 ~ @2012-01", "boolean:false"},
        {"@2012-01-01 = @T10:00", "boolean:false"},
        {"@2012-01-01 < @T10:00", "failed"},
        {"@2012-01-01T00:00:00+14:00 = @2011-12-31T10:00:00Z", "boolean:true"},
    };

    (void)state;
    CHECK(NULL, cases);
}

static void dates_move_by_the_calendar(void **state)
{
    static const struct expectation cases[] = {
        {"@2014 + 24 months", "date:@2016"},
        {"@2014 + 23 months", "date:@2015"},
        {"@2016 + 365 days", "date:@2017"},
        {"@2014 - 1 month", "date:@2014"},
        {"@2026-02 + 5 weeks", "date:@2026-03"},
        {"@2026-01-31 + 1 month", "date:@2026-02-28"},
        {"@2024-02-29 + 1 year", "date:@2025-02-28"},
        {"@2024-03-01 - 1 day", "date:@2024-02-29"},
        {"@1973-12-25 + 7.9 days", "date:@1974-01-01"},
        {"@1973-12-25 + 1 'wk'", "date:@1974-01-01"},
        {"@1973-12-25 + 1 'mo'", "failed"},
        {"@1973-12-25 + 1 'cm'", "failed"},
        {"@1973-12-25 + 7", "failed"},
        {"@T23:30:00 + 1 hour", "time:@T00:30:00"},
        {"@T00:30:00 - 1 hour", "time:@T23:30:00"},
        {"@T10:00 + 1 day", "failed"},
        {"@2026-01-01T23:59:59.999Z + 1 millisecond",
         "dateTime:@2026-01-02T00:00:00.000Z"},
        {"@1973-12-25T00:00:00.000+10:00 + 42.53 seconds",
         "dateTime:@1973-12-25T00:00:42.530+10:00"},
        {"@9999-12-31 + 1 day", ""},
        {"@0001-01-01 - 1 day", ""},
    };

    (void)state;
    CHECK(NULL, cases);
}

static void quantities_convert_by_plain_factors(void **state)
{
    static const struct expectation cases[] = {
        {"4 'g' = 4000 'mg'", "boolean:true"},
        {"1 '[in_i]' = 2.54 'cm'", "boolean:true"},
        {"1 'mmol/L' = 1000 'umol/L'", "boolean:true"},
        {"1 '10*3/uL' = 1 '10*9/L'", "boolean:true"},
        {"100 'mm[Hg]' > 13 'kPa'", "boolean:true"},
        {"1 'kat' = 60000000 'U'", "boolean:true"},
        {"1 'cm' = 1 's'", ""},
        {"1 'cm' < 1 's'", ""},
        {"23 'Cel' = 73.4 '[degF]'", ""},
        {"23 'Cel' = 23.0 'Cel'", "boolean:true"},
        {"5 '[iU]/L' < 6 '[iU]/L'", "boolean:true"},
        {"5 '[iU]' = 5 '[arb\\'U]'", ""},
        {"7 days = 1 'wk'", "boolean:true"},
        {"1 year = 12 months", "boolean:true"},
        {"1 year = 1 'a'", ""},
        {"1 year ~ 1 'a'", "boolean:true"},
        {"1 year ~ 11 months", "boolean:true"},
        {"4 'g' ~ 4040 'mg'", "boolean:true"},
        {"21 'mm' ~ 2 'cm'", "boolean:true"},
        {"1 'cm' ~ 1 's'", "boolean:false"},
        {"3 'm' + 3 'cm'", "Quantity:3.03 'm'"},
        {"3 'cm' - 3 'm'", "Quantity:-297 'cm'"},
        {"1 + 2 'cm'", "Quantity:3 'cm'"},
        {"1 'kg' + 1 'm'", ""},
        {"1 year + 12 months", ""},
        {"2 minutes + 60 seconds", "Quantity:3 minutes"},
        {"12 'cm' * 3 'cm'", "Quantity:36 'cm2'"},
        {"10 'm/s' * 10 's'", "Quantity:100 'm'"},
        {"60 / 1 's'", "Quantity:60 '/s'"},
        {"1 'm' / 1 'm'", "Quantity:1 '1'"},
        {"1 'kg' / 2 '(m.s)'", "Quantity:0.5 'kg/((m.s))'"},
        {"12 days * 45 'm'", ""},
        {"-(5 'mg')", "Quantity:-5 'mg'"},
        {"5 'mg' mod 2 'mg'", "failed"},
        {"23 = 23 '1'", "boolean:true"},
    };

    (void)state;
    CHECK(NULL, cases);
}

static void collections_are_compared_in_their_order(void **state)
{
    static const struct expectation cases[] = {
        {"(1 | 2) = (1 | 2)", "boolean:true"},
        {"(1 | 2) = (2 | 1)", "boolean:false"},
        {"(1 | 2) ~ (2 | 1)", "boolean:true"},
        {"(1 | 2) = 1", "boolean:false"},
        {"{} = {}", ""},
        {"{} ~ {}", "boolean:true"},
        {"1 !~ {}", "boolean:true"},
        {"'A b' ~ 'a \\n B'", "boolean:true"},
        {"'a' in ('a' | 'b')", "boolean:true"},
        {"{} in ('a' | 'b')", ""},
        {"'a' in {}", "boolean:false"},
        {"('a' | 'b') in ('a' | 'b')", "failed"},
        {"('a' | 'b') contains 'c'", "boolean:false"},
        {"1 | 1 | 2", "integer:1,integer:2"},
        {"(1 | 2 | 3)[1]", "integer:2"},
        {"(1 | 2 | 3)[3]", ""},
        {"(1 | 2 | 3)[-1]", ""},
        {"1.10 ~ 1.1", "boolean:true"},
        {"1.2 / 1.8 ~ 0.67", "boolean:true"},
        {"'a' < 'b'", "boolean:true"},
        {"true < false", "failed"},
    };

    (void)state;
    CHECK(NULL, cases);
}

static void paths_follow_the_resource(void **state)
{
    static const struct expectation cases[] = {
        {"name.given", "string:Peter,string:James,string:Jim"},
        {"Patient.name.given.first()", "string:Peter"},
        {"`Patient`.`name`[1].`given`", "string:Jim"},
        {"Resource.id", "id:p"},
        {"multipleBirth", "integer:2"},
        {"multipleBirthInteger", "refused"},
        {"name.given1", "refused"},
        {"Encounter.name", "refused"},
        {"extension.value", "decimal:1.10"},
        {"extension.value = 1.1", "boolean:true"},
        {"birthDate", "date:@1974-12-25"},
        {"name = name", "boolean:true"},
        {"name[0] = name[1]", "boolean:false"},
        {"contact", "BackboneElement:{\"gender\":\"female\"}"},
        {"name.where($this.given = 'Jim').use", "code:usual"},
        {"name.select($index)", "integer:0,integer:1"},
        {"name.as", "refused"},
        {"%resource.id", "id:p"},
        {"name.select(%context.id)", "id:p,id:p"},
        {"%current.id = %rootResource.id", "boolean:true"},
        {"%previous.id", ""},
        {"%`vs-x` | %'ext-y' | %\"vs-z\"",
         "string:http://hl7.org/fhir/ValueSet/x,"
         "string:http://hl7.org/fhir/StructureDefinition/y,"
         "string:http://hl7.org/fhir/ValueSet/z"},
        {"%nothing", "failed"},
        {"$total", "failed"},
        {"$index", "failed"},
        {"$that", "refused"},
    };

    (void)state;
    CHECK(patient, cases);
}

static void types_come_from_the_model(void **state)
{
    static const struct expectation cases[] = {
        {"1 is Integer", "boolean:true"},
        {"1 is System.Integer", "boolean:true"},
        {"1 is integer", "boolean:false"},
        {"active is boolean", "boolean:true"},
        {"active is Boolean", "boolean:false"},
        {"name.use.first() is string", "boolean:true"},
        {"name.use.first() is uri", "boolean:false"},
        {"name.use.first().as(string)", ""},
        {"name.use.ofType(code)", "code:official,code:usual"},
        {"name is HumanName", "failed"},
        {"name.as(HumanName)", "failed"},
        {"name.ofType(HumanName).given.count()", "integer:3"},
        {"Patient is DomainResource", "boolean:true"},
        {"Patient.ofType(DomainResource).id", "id:p"},
        {"Patient is System.Patient", "boolean:false"},
        {"Patient is Nothing", "failed"},
        {"active.ofType(nothing)", "failed"},
        {"Patient.type().name", "string:Patient"},
        {"Patient.type().namespace", "string:FHIR"},
        {"'a'.type().namespace & '.' & 'a'.type().name",
         "string:System.String"},
        {"contact.type().name", "string:BackboneElement"},
        {"contact is BackboneElement", "boolean:true"},
        {"(multipleBirth as integer) + 1", "integer:3"},
        {"multipleBirth is boolean", "boolean:false"},
        {"{} is Integer", ""},
    };

    (void)state;
    CHECK(patient, cases);
}

static void strict_checking_refuses_only_what_cannot_be(void **state)
{
    static const struct expectation cases[] = {
        {"children().skip(1)", "refused"},
        {"descendants().where($this is code).first()", "refused"},
        {"children().count() > 1", "boolean:true"},
        {"name.startsWith('a')", "refused"},
        {"name.use.first().startsWith('off')", "boolean:true"},
        {"iif('a', 1, 2)", "refused"},
        {"iif(name, 1, 2)", "refused"},
        {"iif(active, 1, 2)", "integer:1"},
        {"iif({}, 1, 2)", "integer:2"},
        {"('a' | 'b').iif(true, 1, 2)", "refused"},
        {"(1 | 2 | 3).iif(true, 1, 2)", "refused"},
        {"(1 | 2).not()", "refused"},
        {"(1 | 1).not()", "boolean:false"},
        {"birthDate < 'a'", "refused"},
        {"active < true", "refused"},
        {"1 > name.given", "refused"},
        {"name.given.first() < 'Q'", "boolean:true"},
        {"multipleBirth < 3.5", "boolean:true"},
        {"multipleBirth < 'a'", "refused"},
        {"birthDate < now()", "boolean:true"},
        {"birthDate < 'a'.toDate()", ""},
        {"birthDate = 'a'", "boolean:false"},
        {"1 < 'a'", "failed"},
        {"(name.given | name.family).nothing", "refused"},
        {"iif(true, name, contact).gender", ""},
        {"name.repeat(nothing)", ""},
        {"(name as Period).unit", "refused"},
    };

    (void)state;
    CHECK(patient, cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(literals_are_what_they_say),
        cmocka_unit_test(comments_and_space_are_skipped),
        cmocka_unit_test(operators_bind_as_the_specification_has_it),
        cmocka_unit_test(logic_has_three_values),
        cmocka_unit_test(numbers_are_exact),
        cmocka_unit_test(dates_know_their_precision),
        cmocka_unit_test(dates_move_by_the_calendar),
        cmocka_unit_test(quantities_convert_by_plain_factors),
        cmocka_unit_test(collections_are_compared_in_their_order),
        cmocka_unit_test(paths_follow_the_resource),
        cmocka_unit_test(types_come_from_the_model),
        cmocka_unit_test(strict_checking_refuses_only_what_cannot_be),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
