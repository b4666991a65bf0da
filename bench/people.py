"""People for the benchmarks, in a database of their own: `python -m bench.people COUNT` prints their access tokens."""

import json
import sys

import django


def sign_in(count: int) -> list[str]:
    """Return an access token for each of `count` people on the largest plan; they are made when missing."""
    from django.core.management import call_command

    from billing import plans
    from billing.models import PlanLimit
    from wisqu.accounts.models import User
    from wisqu.accounts.tokens import open_family

    call_command("migrate", interactive=False, verbosity=0)
    for seed in ("seed_models", "seed_plans", "seed_presets"):
        call_command(seed, verbosity=0)
    # What is measured is what a request costs, not what a plan refuses; the limit is counted all the same.
    PlanLimit.objects.filter(slug="enterprise").update(requests_per_minute=100_000_000)
    plan = PlanLimit.objects.get(slug="enterprise")
    tokens = []
    for number in range(count):
        person, created = User.objects.get_or_create(email=f"bench{number}@example.org")
        if created:
            plans.put_on(user_id=person.pk, plan=plan)
        tokens.append(open_family(person).access)
    return tokens


if __name__ == "__main__":
    django.setup()
    print(json.dumps(sign_in(int(sys.argv[1]))))
