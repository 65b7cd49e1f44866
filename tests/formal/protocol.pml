/* Submission, freeze, link and release, with a linker and an owner B that do as they like together.
 *
 * Owner A and the analyst are honest. Signatures and sealing are perfect: the adversary says
 * nothing in A's name that A did not say, and opens nothing that was not sealed to it. What it can:
 * keep two logs and show either to either; log, freeze and release in any order; leave out, repeat
 * and recombine whatever was signed; sign what it likes as B and as the linker.
 *
 * Every check of the product is a macro. run.py shows that all of them together leave no attack,
 * and that each one alone is needed: without it Spin finds the attack.
 */

#ifndef CHECK_FINGERPRINT
#define CHECK_FINGERPRINT 1   /* A compares the analyst's fingerprint before it signs */
#endif
#ifndef CHECK_AGREEMENT
#define CHECK_AGREEMENT 1     /* a release and what is in it are of the analyst's agreement */
#endif
#ifndef CHECK_ENDED
#define CHECK_ENDED 1         /* what was superseded is acted under no more */
#endif
#ifndef CHECK_REGISTER
#define CHECK_REGISTER 1      /* the analyst opens one release of an agreement */
#endif
#ifndef CHECK_LOG
#define CHECK_LOG 1           /* the log in the release tells of these submissions, by the rules */
#endif
#ifndef CHECK_WITHDRAWALS
#define CHECK_WITHDRAWALS 1   /* the release brings every withdrawal that its log froze, as A signed it */
#endif
#ifndef CHECK_PEOPLE
#define CHECK_PEOPLE 1        /* nobody who was withdrawn is named, and nobody else is missing */
#endif
#ifndef CHECK_PROOF
#define CHECK_PROOF 1         /* every named blob is proved against the root that A signed */
#endif
#ifndef CHECK_POLICY
#define CHECK_POLICY 1        /* blobs are there as the policy says */
#endif
#ifndef CHECK_HEADS
#define CHECK_HEADS 1         /* A holds its receipts against the head that the analyst opened */
#endif

#ifndef LEN
#define LEN 4                 /* entries of a history behind its opening */
#endif
mtype = { first, second, out_of_first, out_of_second, freeze };

mtype entry[LEN];             /* the history in the release: any order of what A signed */
byte size = 0;
byte frozen = 0;              /* which of A's submissions was frozen; 0 before the freeze */
byte heeded = 0;              /* which withdrawals: 1 of the first submission, 2 of the second */
bool sent_first, sent_second, took_first, took_second;   /* what A signed */
byte held = 0;                /* receipts that A holds, a bit for each kind of entry */
byte elsewhere = 0;           /* those that lead to another history, or behind the freeze */
byte opened[3];               /* releases that the analyst opened, by version */
bool superseded = false;      /* the analyst signed version 2 */

inline note(what) { d_step { entry[size] = what; size++ } }

/* A receipt that A verified: its entry stands in the history of the release, or in another one. */
inline receipt(mark, what)
{
  if
  :: skip
  :: held = held | mark; elsewhere = elsewhere | mark
  :: atomic {
       i = 0; here = false;
       do :: i < size -> here = here || entry[i] == what; i++ :: else -> break od;
       if :: here -> held = held | mark :: else -> skip fi; i = 0; here = false }
  fi
}

/* Knowledge only grows, so that nothing is lost by one order: A signs, then the adversary has all
 * of it and puts history, receipts and releases together, any number of times. */
active proctype Protocol()
{
  byte sub, brought, version, latest, due, i;
  bool forged, here, named, complete, moved, beyond, ok, sound;

  /* ---- A signs the agreement, with the analyst's key or another in its place */
  if :: forged = true :: forged = false fi;
  if :: forged && CHECK_FINGERPRINT -> goto done :: else -> skip fi;
  assert(!forged);                                       /* secrecy of A's payload and controls */

  /* ---- A submits, submits again, takes somebody out of either */
  sent_first = true;
  if :: took_first = true :: skip fi;
  if :: sent_second = true; if :: took_second = true :: skip fi :: skip fi;

  /* ---- the linker: a history of these, and receipts from it or from another */
  do
  :: size < LEN -> note(first)
  :: size < LEN && sent_second -> note(second)
  :: size < LEN && took_first -> note(out_of_first)
  :: size < LEN && took_second -> note(out_of_second)
  :: atomic { size < LEN && frozen == 0 ->
       note(freeze);
       if :: frozen = 1 :: frozen = 2 fi;
       if :: heeded = 0 :: heeded = 1 :: heeded = 2 :: heeded = 3 fi }
  :: break
  od;
  receipt(1, first); receipt(2, second); receipt(4, out_of_first); receipt(8, out_of_second);

  /* ---- the analyst: any release that can be put together */
  do
  :: superseded = true
  :: atomic {
       if :: sub = 1 :: sent_second -> sub = 2 fi;                     /* A's signature */
       if :: brought = 0 :: took_first -> brought = 1 :: took_second -> brought = 2
          :: took_first && took_second -> brought = 3 fi;
       if :: version = 1 :: version = 2 fi;
       if :: named = true :: named = false fi;       /* is the person whom A took out named? */
       if :: complete = true :: complete = false fi; /* is everybody else there? */
       if :: moved = true :: moved = false fi;       /* are two people's blobs exchanged? */
       if :: beyond = true :: beyond = false fi;     /* are blobs there beyond the policy? */
       ok = (!CHECK_ENDED || version == 2 || !superseded);
       ok = ok && (!CHECK_AGREEMENT || version == 1);      /* A submitted under version 1 */
       ok = ok && (!CHECK_REGISTER || opened[version] == 0);
       ok = ok && size > 0;
       /* what the history adds up to: rules of docs/spec/audit.md */
       latest = 0; due = 0; sound = ok; i = 0;
       do
       :: i < size && sound ->
            if
            :: entry[i] == first -> sound = (latest == 0); latest = 1
            :: entry[i] == second -> sound = (latest < 2); latest = 2
            :: entry[i] == out_of_first -> sound = (latest == 1 && !(due & 1)); due = due | 1
            :: entry[i] == out_of_second -> sound = (latest == 2 && !(due & 2)); due = due | 2
            :: entry[i] == freeze -> sound = (i == size - 1)
            fi; i++
       :: else -> break
       od;
       due = (latest == 1 -> due & 1 : due & 2);
       sound = (sound && ok && frozen == latest && heeded == due && latest == sub);
       ok = ok && (!CHECK_LOG || sound);
       ok = ok && (!CHECK_WITHDRAWALS || brought == heeded);
       /* the person is in both submissions; withdrawals of the one that was linked count */
       ok = ok && (!CHECK_PEOPLE || (complete && named == !(brought & sub)));
       ok = ok && (!CHECK_PROOF || !moved);
       ok = ok && (!CHECK_POLICY || !beyond);
       if
       :: ok ->
            opened[version]++;
#ifdef EXPECT_A_RELEASE
            assert(false);                               /* the model is not empty: one is opened */
#endif
            assert(version == 1);                        /* of the agreement that A signed under */
            assert(opened[version] <= 1);                /* one release */
            assert(!superseded);                         /* and none after its end */
            assert(complete && !moved && !beyond);       /* payload: whose it is, and no more */
            assert(!(brought & sub) || !named);          /* who was taken out is not named */
            /* what A has receipts for is what went in; or A knows that there are two histories */
            if
            :: elsewhere == 0 || !CHECK_HEADS ->
                 assert(!(held & 2) || sub == 2);
                 assert(!((held & 4) && sub == 1) || !named);
                 assert(!((held & 8) && sub == 2) || !named)
            :: else -> skip
            fi
       :: else -> skip
       fi;
       sub = 0; brought = 0; version = 0; latest = 0; due = 0; i = 0;
       named = 0; complete = 0; moved = 0; beyond = 0; ok = 0; sound = 0 }
  :: break
  od;
done: skip
}
